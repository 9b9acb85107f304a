//! Embeds the web page: what `npm run build` left in `web/dist`, or, where Node has never run, the same HTML and CSS with
//! the plain scripts of `web/fallback`. Writes a table of assets for `src/http/assets.rs`; no other generated code.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

/// Sources that Vite would build, and the address that the fallback serves each at.
const FALLBACK: [(&str, &str); 4] = [
    ("src/style.css", "assets/style.css"),
    ("fallback/index.js", "assets/index.js"),
    ("fallback/player.js", "assets/player.js"),
    ("public/favicon.svg", "favicon.svg"),
];

struct Asset {
    path: String,
    file: PathBuf,
}

fn main() -> io::Result<()> {
    let web = PathBuf::from(env_path("CARGO_MANIFEST_DIR")?).join("web");
    let out = PathBuf::from(env_path("OUT_DIR")?);
    let dist = web.join("dist");

    println!("cargo:rerun-if-changed=build.rs");
    let (built_with, mut assets) = if dist.join("index.html").is_file() {
        println!("cargo:rerun-if-changed={}", dist.display());
        let mut assets = Vec::new();
        collect(&dist, &dist, &mut assets)?;
        ("vite", assets)
    } else {
        // All of web/, because cargo holds a watched path that is absent for changed at every run, and web/dist must be
        // noticed when it appears.
        println!("cargo:rerun-if-changed={}", web.display());
        ("fallback", fallback(&web, &out)?)
    };
    assets.sort_by(|a, b| a.path.cmp(&b.path));

    let mut table = Vec::new();
    writeln!(table, "/// What built the page: `vite`, or `fallback` where Node has never run.")?;
    writeln!(table, "pub const BUILT_WITH: &str = {built_with:?};\n")?;
    writeln!(table, "static ASSETS: [Asset; {}] = [", assets.len())?;
    for asset in &assets {
        // Vite puts a hash of the content into the names under assets/, so those can be kept for ever.
        let immutable = built_with == "vite" && asset.path.starts_with("assets/");
        let mut hasher = DefaultHasher::new();
        fs::read(&asset.file)?.hash(&mut hasher);
        writeln!(
            table,
            "    Asset {{ path: {:?}, media_type: {:?}, body: include_bytes!({:?}), immutable: {immutable}, \
             digest: \"{:016x}\", packed: OnceLock::new() }},",
            asset.path,
            media_type(&asset.path)?,
            asset.file.display().to_string(),
            hasher.finish(),
        )?;
    }
    writeln!(table, "];")?;
    fs::write(out.join("assets.rs"), table)
}

fn env_path(name: &str) -> io::Result<std::ffi::OsString> {
    env::var_os(name).ok_or_else(|| io::Error::other(format!("cargo did not set {name}")))
}

fn collect(root: &Path, folder: &Path, assets: &mut Vec<Asset>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let file = entry?.path();
        if file.is_dir() {
            collect(root, &file, assets)?;
        } else if let Ok(path) = file.strip_prefix(root) {
            let path = path.to_string_lossy().replace('\\', "/");
            assets.push(Asset { path, file });
        }
    }
    Ok(())
}

fn fallback(web: &Path, out: &Path) -> io::Result<Vec<Asset>> {
    let mut assets = Vec::new();
    for page in ["index", "player"] {
        let html = fs::read_to_string(web.join(format!("{page}.html")))?;
        let html = html
            .replace("/src/style.css", "/assets/style.css")
            .replace(&format!("/src/{page}.ts"), &format!("/assets/{page}.js"));
        let file = out.join(format!("{page}.html"));
        fs::write(&file, html)?;
        assets.push(Asset { path: format!("{page}.html"), file });
    }
    for (source, path) in FALLBACK {
        assets.push(Asset { path: path.to_owned(), file: web.join(source) });
    }
    Ok(assets)
}

fn media_type(path: &str) -> io::Result<&'static str> {
    match path.rsplit_once('.').map(|(_, extension)| extension) {
        Some("html") => Ok("text/html; charset=utf-8"),
        Some("css") => Ok("text/css; charset=utf-8"),
        Some("js") => Ok("text/javascript; charset=utf-8"),
        Some("svg") => Ok("image/svg+xml"),
        _ => {
            Err(io::Error::other(format!("web/dist/{path} is of a kind that build.rs has no media type for")))
        }
    }
}
