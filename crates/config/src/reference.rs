//! The reference page of the configuration, from the declarations of its keys.

use std::fmt::Write as _;

use super::builtin::BUILTINS;
use super::env::variable_name;
use super::file::{SECTIONS, SectionInfo};
use super::section::Key;

const INTRODUCTION: &str = "\
# Configuration

<!-- Generated from the code by `forebay docs`. -->

One TOML file, named by `--config FILE` or `FOREBAY_CONFIG`; without it the defaults hold. Every key can be overridden by
an environment variable: `FOREBAY_`, then the key's path in upper case with `__` between its parts and `_` for every other
character that is neither letter nor digit. A list is written there with commas, or as in TOML. Flags go before the
environment, the environment before the file. A key or a `FOREBAY_` variable that does not exist stops the start;
only those that Kubernetes sets for a service named `forebay` (`FOREBAY_PORT` and their like) are left alone. Variables set
keys of upstreams that are built in or in the file, and add none.

A relative path in the file starts at the file's folder; elsewhere, at the working directory. Spans of time are written
`500ms`, `30s`, `5m`, `1h30m`, `7d`; sizes `512MiB`, `50GiB`, `10GB`.

`forebay config check` says whether a configuration is right, `forebay config show` what it comes to and where each value
came from.

`forebay config schema` prints a JSON schema, with which editors complete and check the file; it is also
[here](forebay.schema.json). Taplo and what builds on it (VS Code's \"Even Better TOML\", Helix, Zed) take it from a
first line `#:schema ./forebay.schema.json`.
";

/// The whole page, as Markdown.
pub fn reference_page() -> String {
    let mut page = INTRODUCTION.to_owned();
    for section in &SECTIONS {
        write_section(&mut page, section);
    }
    page.push_str(
        "\n## Built-in upstreams\n\n| name | url | further token hosts |\n|---|---|---|\n",
    );
    for builtin in &BUILTINS {
        let hosts = builtin.token_hosts.join(", ");
        let _ = writeln!(page, "| {} | {} | {hosts} |", builtin.name, builtin.url);
    }
    page
}

fn write_section(page: &mut String, section: &SectionInfo) {
    let title = match section.path {
        [] => "Top level".to_owned(),
        [one] => format!("`[{one}]`"),
        path => format!("`[{}.\"{}\"]`", path[0], path[1]),
    };
    let _ = write!(page, "\n## {title}\n\n{}\n", paragraph(section.about));
    for key in section.keys {
        write_key(page, section, key);
    }
}

fn write_key(page: &mut String, section: &SectionInfo, key: &Key) {
    let path = section.path.iter().chain([&key.name]).copied();
    let default = match key.default {
        Some(default) => format!("`{default}`"),
        None => "unset".to_owned(),
    };
    let _ = write!(
        page,
        "\n### `{}`\n\n{}\n\nTakes {}. Default: {default}. Variable: `{}`.\n",
        key.name,
        paragraph(key.about),
        key.wanted,
        variable_name(path),
    );
}

/// A doc comment's lines as one paragraph.
pub(super) fn paragraph(about: &str) -> String {
    let lines: Vec<&str> = about.lines().map(str::trim).collect();
    lines.join(" ")
}
