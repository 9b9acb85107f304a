//! The text of the file → cameras, and what is wrong with it, by line.
//!
//! ```toml
//! [[camera]]
//! id = "front-door"
//! link = "rtsp://10.0.0.7/stream1"   # or host, and port and path where they are not 554 and /
//! user = "viewer"
//! password_file = "front-door.password"   # or password
//! warm = true
//! audio = false
//! ```
//!
//! By hand rather than by serde: its messages repeat the values that they are about, and a value may be a password.

use std::collections::BTreeMap;
use std::io;
use std::ops::Range;
use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::Entry;
use crate::ingest::SourceUrl;
use crate::stream::{StreamId, Wishes};

/// What is wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Problem {
    /// From 1.
    pub(super) line: usize,
    /// For a person; nothing of what is in the file but names of cameras, keys and files.
    pub(super) text: String,
}

/// What is wrong with a value, and where that lies in the text.
struct Wrong {
    at: Range<usize>,
    text: String,
}

impl Wrong {
    fn new(at: Range<usize>, text: impl Into<String>) -> Self {
        Self { at, text: text.into() }
    }
}

/// All cameras of `text` that can be used, and what is wrong with the others; passwords that lie in files come from
/// `read_password`.
///
/// # Errors
/// Where it is no TOML.
pub(super) fn cameras(
    text: &str,
    read_password: impl Fn(&Path) -> io::Result<String>,
) -> Result<(BTreeMap<StreamId, Entry>, Vec<Problem>), Problem> {
    let line = |at: usize| 1 + text.bytes().take(at).filter(|byte| *byte == b'\n').count();
    let problem = |wrong: Wrong| Problem { line: line(wrong.at.start), text: wrong.text };
    let document = DeTable::parse(text).map_err(|error| {
        let at = error.span().unwrap_or_default();
        problem(Wrong::new(at, format!("this is no TOML: {}", error.message().replace('\n', "; "))))
    })?;
    let (mut cameras, mut problems) = (BTreeMap::new(), Vec::new());
    for (key, value) in document.get_ref() {
        let list = value.get_ref().as_array().filter(|_| key.get_ref() == "camera");
        let Some(list) = list else {
            let text = format!("{:?} is not known here: cameras begin with [[camera]]", key.get_ref());
            problems.push(problem(Wrong::new(key.span(), text)));
            continue;
        };
        for item in list.iter() {
            let mut unknown = Vec::new();
            match camera(item, &read_password, &mut unknown) {
                Ok((id, _)) if cameras.contains_key(&id) => {
                    let text = format!("camera {id} is there already: the first one counts");
                    problems.push(problem(Wrong::new(item.span(), text)));
                }
                Ok((id, entry)) => {
                    cameras.insert(id, entry);
                }
                Err(wrong) => problems.push(problem(wrong)),
            }
            problems.extend(unknown.into_iter().map(problem));
        }
    }
    problems.sort_by_key(|problem| problem.line);
    Ok((cameras, problems))
}

type Value<'a> = Spanned<DeValue<'a>>;

/// One camera; keys that say nothing are told as `unknown`, and are no reason to do without it.
fn camera(
    item: &Value<'_>,
    read_password: impl Fn(&Path) -> io::Result<String>,
    unknown: &mut Vec<Wrong>,
) -> Result<(StreamId, Entry), Wrong> {
    const KEYS: [&str; 10] =
        ["id", "link", "host", "port", "path", "user", "password", "password_file", "warm", "audio"];
    let Some(table) = item.get_ref().as_table() else {
        return Err(Wrong::new(item.span(), "this is no camera: each begins with [[camera]]"));
    };
    for (key, _) in table.iter().filter(|(key, _)| !KEYS.contains(&key.get_ref().as_ref())) {
        let text = format!("{:?} is not known: a camera has {}", key.get_ref(), KEYS.join(", "));
        unknown.push(Wrong::new(key.span(), text));
    }
    let value = |key: &str| table.get(key);
    let missing = |text: &str| Wrong::new(item.span(), text);

    let id = value("id").ok_or_else(|| missing("this camera has no id"))?;
    let name =
        StreamId::parse(text(id, "id")?).map_err(|error| Wrong::new(id.span(), format!("id {error}")))?;
    let of_camera = |wrong: Wrong| Wrong { text: format!("camera {name}: {}", wrong.text), ..wrong };
    let read = || -> Result<Entry, Wrong> {
        let mut source = source(item, table)?;
        match (value("user"), password(table, &read_password)?) {
            (Some(user), password) => {
                source = source.with_credentials(text(user, "user")?, &password.unwrap_or_default());
            }
            (None, Some(_)) => return Err(missing("there is a password and no user")),
            (None, None) => {}
        }
        let wishes = Wishes { audio: flag(table, "audio")?, warm: flag(table, "warm")? };
        Ok(Entry { source, wishes })
    };
    let entry = read().map_err(of_camera)?;
    Ok((name, entry))
}

/// The link, or what is put together to one.
fn source(item: &Value<'_>, table: &DeTable<'_>) -> Result<SourceUrl, Wrong> {
    let parse = |link: &str, at: Range<usize>, key: &str| {
        SourceUrl::parse(link).map_err(|error| Wrong::new(at, format!("{key} cannot be used: {error}")))
    };
    match (table.get("link"), table.get("host")) {
        (Some(link), None) => {
            if let Some(beside) = ["port", "path"].iter().find(|key| table.contains_key(**key)) {
                return Err(Wrong::new(link.span(), format!("there is a link, and {beside} beside it")));
            }
            parse(text(link, "link")?, link.span(), "link")
        }
        (None, Some(host)) => {
            let name = text(host, "host")?;
            if name.is_empty() || name.contains(['/', '@', '?', '#', ' ']) {
                return Err(Wrong::new(host.span(), "host is not the name or the address of a host alone"));
            }
            let is_bare_v6 = name.contains(':') && !name.starts_with('[');
            let name = if is_bare_v6 { format!("[{name}]") } else { name.to_owned() };
            let port = table.get("port").map(port).transpose()?.unwrap_or(554);
            let path = table.get("path").map(|path| text(path, "path")).transpose()?.unwrap_or_default();
            parse(&format!("rtsp://{name}:{port}/{}", path.trim_start_matches('/')), host.span(), "host")
        }
        (Some(link), Some(_)) => Err(Wrong::new(link.span(), "there is a link and a host: one of them")),
        (None, None) => Err(Wrong::new(item.span(), "there is no link and no host")),
    }
}

fn password(
    table: &DeTable<'_>,
    read: impl Fn(&Path) -> io::Result<String>,
) -> Result<Option<String>, Wrong> {
    match (table.get("password"), table.get("password_file")) {
        (Some(_), Some(file)) => {
            Err(Wrong::new(file.span(), "there is a password and a password_file: one of them"))
        }
        (Some(password), None) => Ok(Some(text(password, "password")?.to_owned())),
        (None, Some(file)) => {
            let path = text(file, "password_file")?;
            let read = read(Path::new(path));
            read.map(Some).map_err(|error| Wrong::new(file.span(), format!("password_file {path}: {error}")))
        }
        (None, None) => Ok(None),
    }
}

fn text<'a>(value: &'a Value<'_>, key: &str) -> Result<&'a str, Wrong> {
    value.get_ref().as_str().ok_or_else(|| Wrong::new(value.span(), format!("{key} must be text in quotes")))
}

fn flag(table: &DeTable<'_>, key: &str) -> Result<Option<bool>, Wrong> {
    let Some(value) = table.get(key) else { return Ok(None) };
    let flag = value.get_ref().as_bool();
    flag.map(Some).ok_or_else(|| Wrong::new(value.span(), format!("{key} must be true or false")))
}

fn port(value: &Value<'_>) -> Result<u16, Wrong> {
    let number = value.get_ref().as_integer();
    let port = number.and_then(|number| u16::from_str_radix(number.as_str(), number.radix()).ok());
    port.filter(|port| *port > 0).ok_or_else(|| Wrong::new(value.span(), "port must be 1 to 65535"))
}
