//! How settings are told to people: flags of the command line, `.env.example`, the README's table. All are made of the table in
//! [`settings`](super::settings).

use std::fmt::Write;

use clap::{Arg, Command};

use super::settings::SETTINGS;

/// Adds a flag for each setting to `cmd`; [`crate::config::Config::load`] reads them.
pub fn serve_args(cmd: Command) -> Command {
    let args = SETTINGS.iter().filter_map(|setting| {
        let id = setting.flag?;
        let help = format!(
            "{} [env: {}] [default: {}] [{}]",
            setting.doc,
            setting.name,
            setting.default,
            setting.accepts_short()
        );
        // The value is judged with those of the other sources, and so is a negative number.
        let arg = Arg::new(id).long(id).value_name(setting.unit).help(help);
        Some(arg.allow_negative_numbers(true))
    });
    cmd.args(args)
}

/// The text of `.env.example`: every setting at its default, with what it means.
pub fn env_example() -> String {
    let mut text = String::from(
        "# Settings of camgate: copy to .env in the working directory. A flag wins over the environment,\n\
         # the environment over this file. An empty value means the default; of two lines with one name the first counts.\n\
         # Made from src/config/settings.rs by `make settings`.\n",
    );
    for setting in SETTINGS {
        let flag = setting.flag.map(|flag| format!(" Flag: --{flag}.")).unwrap_or_default();
        // Writing to a String cannot fail.
        let _ = write!(text, "\n# {}.\n# Unit: {}.", setting.doc, setting.unit);
        if !setting.default.is_empty() {
            let _ = write!(text, " Default: {}.", setting.default);
        }
        let _ = writeln!(
            text,
            " Accepts: {}.{flag}\n{}={}",
            setting.accepts_short(),
            setting.name,
            setting.default
        );
    }
    text
}

/// The README's table of settings, in Markdown.
pub fn settings_markdown() -> String {
    let mut text = String::from(
        "| Variable | Flag | What it does | Unit | Default | Accepts |\n|---|---|---|---|---|---|\n",
    );
    let code = |text: &str| if text.is_empty() { String::new() } else { format!("`{text}`") };
    for setting in SETTINGS {
        let flag = setting.flag.map(|flag| format!("`--{flag}`")).unwrap_or_default();
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "| `{}` | {flag} | {} | {} | {} | {} |",
            setting.name,
            setting.doc,
            setting.unit,
            code(setting.default),
            setting.accepts_short()
        );
    }
    text
}
