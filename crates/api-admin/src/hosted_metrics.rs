//! Metrics of local repositories: what they hold, each object once.

use std::fmt::{Result, Write};

use crate::readings::HostedReadings;

/// Writes what is read when somebody asks.
pub(crate) fn render(to: &mut String, hosted: &HostedReadings) -> Result {
    let HostedReadings {
        usage,
        open_uploads,
    } = hosted;
    for (name, help, value) in [
        ("repositories", "Local repositories", usage.repositories),
        (
            "objects",
            "Manifests and blobs that local repositories hold, each once",
            usage.objects,
        ),
        ("size_bytes", "Their bytes", usage.bytes),
        ("uploads_open", "Uploads under way", *open_uploads),
    ] {
        let name = format!("forebay_registry_{name}");
        writeln!(
            to,
            "# HELP {name} {help}.\n# TYPE {name} gauge\n{name} {value}"
        )?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use forebay_content::HostedUsage;

    use super::*;

    #[test]
    fn each_has_its_own_name_and_value() {
        let usage = HostedUsage {
            repositories: 1,
            objects: 2,
            bytes: 3,
        };
        let hosted = HostedReadings {
            usage,
            open_uploads: 4,
        };
        let mut text = String::new();
        render(&mut text, &hosted).unwrap();
        let values: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
        assert_eq!(
            values,
            [
                "forebay_registry_repositories 1",
                "forebay_registry_objects 2",
                "forebay_registry_size_bytes 3",
                "forebay_registry_uploads_open 4",
            ]
        );
    }
}
