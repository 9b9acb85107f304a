use std::path::Path;

use super::parse::{self, Problem};
use super::*;

/// Cameras and problems, in which passwords of files are the names of these.
fn read(text: &str) -> (BTreeMap<StreamId, Entry>, Vec<String>) {
    let password = |path: &Path| match path.to_str().unwrap() {
        "missing" => Err(io::Error::from(io::ErrorKind::NotFound)),
        name => Ok(format!("from {name}")),
    };
    let (cameras, problems) = parse::cameras(text, password).unwrap();
    (cameras, problems.into_iter().map(|Problem { line, text }| format!("{line}: {text}")).collect())
}

fn id(text: &str) -> StreamId {
    StreamId::parse(text).unwrap()
}

fn credentials(entry: &Entry) -> (&str, &str) {
    let credentials = entry.source.credentials().unwrap();
    (&credentials.username, &credentials.password)
}

#[test]
fn a_camera_has_a_link_or_what_makes_one() {
    let (cameras, problems) = read(
        r#"
        [[camera]]
        id = "front-door"
        link = "rtsp://10.0.0.7/stream1?channel=1"
        user = "viewer"
        password = "p@ss/word#1"
        warm = true
        audio = false

        [[camera]]
        id = "yard"
        host = "cam.example"
        port = 8554
        path = "/live"
        user = "viewer"
        password_file = "secrets/yard"

        [[camera]]
        id = "six"
        host = "fd00::7"
        "#,
    );
    assert_eq!(problems, [""; 0]);
    let front = &cameras[&id("front-door")];
    assert_eq!(front.source.request_url().as_str(), "rtsp://10.0.0.7/stream1?channel=1");
    assert_eq!(credentials(front), ("viewer", "p@ss/word#1"));
    assert_eq!(front.wishes, Wishes { audio: Some(false), warm: Some(true) });
    let yard = &cameras[&id("yard")];
    assert_eq!(yard.source.request_url().as_str(), "rtsp://cam.example:8554/live");
    assert_eq!(credentials(yard), ("viewer", "from secrets/yard"));
    assert_eq!(yard.wishes, Wishes::default());
    assert_eq!(cameras[&id("six")].source.address(), "[fd00::7]:554");
    let catalog = Catalog::of(cameras);
    let warm: Vec<_> = catalog.warm().iter().map(|kept| kept.id.clone()).collect();
    assert_eq!((catalog.len(), warm), (3, vec![id("front-door")]));
}

#[test]
fn a_bad_camera_is_told_by_its_line_and_the_rest_goes_on() {
    let (cameras, problems) = read(
        r#"[[camera]]
link = "rtsp://cam/1"
[[camera]]
id = "a/b"
link = "rtsp://cam/1"
[[camera]]
id = "no-link"
[[camera]]
id = "bad-link"
link = "http://cam/1"
[[camera]]
id = "good"
link = "rtsp://cam/1"
[[camera]]
id = "good"
link = "rtsp://cam/2"
[[camera]]
id = "no-file"
link = "rtsp://cam/1"
user = "u"
password_file = "missing"
[[camera]]
id = "no-user"
link = "rtsp://cam/1"
password = "hunter2"
[[camera]]
id = "flag"
link = "rtsp://cam/1"
warm = "yes"
[[camera]]
id = "number"
link = "rtsp://cam/1"
user = "u"
password = 472911
[[camera]]
id = "port"
host = "cam"
port = 65536
[[camera]]
id = "both"
host = "cam"
link = "rtsp://cam/1"
[[camera]]
id = "beside"
link = "rtsp://cam/1"
port = 1
[[camera]]
id = "host"
host = "u:hunter2@cam"
[[camera]]
id = "also-good"
link = "rtsp://cam/3"
pasword = "hunter2"
"#,
    );
    assert_eq!(cameras.keys().map(StreamId::as_str).collect::<Vec<_>>(), ["also-good", "good"]);
    assert_eq!(cameras[&id("good")].source.request_url().path(), "/1");
    let expected = [
        "1: this camera has no id",
        "4: id must be 1 to 64",
        "6: camera no-link: there is no link and no host",
        "10: camera bad-link: link cannot be used: it must begin with rtsp://",
        "14: camera good is there already: the first one counts",
        "21: camera no-file: password_file missing: ",
        "22: camera no-user: there is a password and no user",
        "29: camera flag: warm must be true or false",
        "34: camera number: password must be text in quotes",
        "38: camera port: port must be 1 to 65535",
        "42: camera both: there is a link and a host",
        "45: camera beside: there is a link, and port beside it",
        "49: camera host: host is not the name",
        "53: \"pasword\" is not known: a camera has id, link",
    ];
    assert_eq!(problems.len(), expected.len(), "{problems:#?}");
    for (problem, expected) in problems.iter().zip(expected) {
        assert!(problem.starts_with(expected), "{problem:?} is not {expected:?}");
        assert!(!problem.contains("hunter2") && !problem.contains("472911"), "{problem}");
    }
}

#[test]
fn what_is_not_a_camera_is_told() {
    let (cameras, problems) = read("camera = [1]\n\n[[cameras]]\nid = \"a\"\n");
    assert!(cameras.is_empty());
    assert!(problems[0].starts_with("1: this is no camera"), "{problems:?}");
    assert!(
        problems[1].starts_with("3: \"cameras\" is not known here: cameras begin with [[camera]]"),
        "{problems:?}"
    );
}

#[test]
fn what_is_no_toml_is_an_error_by_its_line_that_shows_nothing_of_it() {
    for (text, line) in [
        ("[[camera]]\nid = \"a\"\npassword = hunter2\n", 3),
        ("[[camera]]\nid = \"a\"\npassword = \"hunter2\npath = 1\n", 3),
        ("[[camera]]\npassword = \"hunter2\"\npassword = \"hunter2\"\n", 3),
        ("[[camera]\n", 1),
    ] {
        let error = parse::cameras(text, |_| Ok(String::new())).unwrap_err();
        assert_eq!(error.line, line, "{text}: {error:?}");
        assert!(!error.text.contains("hunter2") && !error.text.contains('\n'), "{error:?}");
    }
}

#[tokio::test]
async fn the_file_is_read_with_the_passwords_beside_it_and_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cameras.toml");
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("a.password", "p@ss word \r\n");
    write(
        "cameras.toml",
        "[[camera]]\nid = \"a\"\nhost = \"cam\"\nuser = \"u\"\npassword_file = \"a.password\"\n",
    );
    let live = Live::new(Catalog::load(&path).await.unwrap());
    assert_eq!(credentials(live.get().get(&id("a")).unwrap()), ("u", "p@ss word "));
    write("cameras.toml", "[[camera]\n");
    reload(&live, &path).await;
    assert_eq!(live.get().len(), 1, "what cannot be read changes nothing");
    let error = Catalog::load(&path).await.unwrap_err().to_string();
    assert!(error.starts_with(&format!("{}:1: this is no TOML", path.display())), "{error}");
    write("cameras.toml", "");
    reload(&live, &path).await;
    assert!(live.get().is_empty());
    let missing = Catalog::load(&folder.path().join("none")).await.unwrap_err().to_string();
    assert!(missing.contains("none: "), "{missing}");
}

#[test]
fn the_example_can_be_used() {
    let (cameras, problems) = read(include_str!("../../docs/cameras.example.toml"));
    assert_eq!(problems, [""; 0]);
    assert_eq!(cameras.len(), 3);
}
