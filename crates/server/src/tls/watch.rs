//! What a look at the files means: nothing, something new, or something broken.
//!
//! Pure but for the reading. Two files are seldom replaced in one moment: that a new pair does not fit is said when it still
//! does not at the next look.

use forebay_config::{TlsConfig, TlsFileError, TlsFiles};
use forebay_http_kit::TlsSetup;

/// What is used, and what was last found beside it.
pub(super) struct Watch {
    config: TlsConfig,
    used: TlsFiles,
    broken: Option<Broken>,
}

struct Broken {
    wrong: TlsFileError,
    is_told: bool,
}

/// What a look has found.
#[derive(Debug)]
pub(super) enum Found {
    /// What is used, or what need not be told.
    Nothing,
    /// Something to be used from now on.
    New(TlsSetup),
    /// What is used, after something broken that was told.
    Restored,
    /// Something that cannot be used, to be told.
    Broken(TlsFileError),
}

/// Reads what `config` names, and makes of it what can be spoken.
pub(super) fn read(config: &TlsConfig) -> Result<(TlsFiles, TlsSetup), TlsFileError> {
    let files = TlsFiles::read(config)?;
    let setup = files.build(config)?;
    Ok((files, setup))
}

impl Watch {
    pub(super) fn new(config: TlsConfig, used: TlsFiles) -> Self {
        Self {
            config,
            used,
            broken: None,
        }
    }

    pub(super) fn config(&self) -> &TlsConfig {
        &self.config
    }

    /// True if these are used.
    pub(super) fn is_of(&self, config: &TlsConfig, files: &TlsFiles) -> bool {
        self.config == *config && self.used == *files && self.broken.is_none()
    }

    /// What was told to be broken, as long as it is.
    pub(super) fn refused(&self) -> Option<&TlsFileError> {
        let told = self.broken.as_ref().filter(|broken| broken.is_told);
        told.map(|broken| &broken.wrong)
    }

    /// What was `found` where `config` says.
    pub(super) fn judge(
        &mut self,
        config: &TlsConfig,
        found: Result<(TlsFiles, TlsSetup), TlsFileError>,
    ) -> Found {
        // A reload came between.
        if self.config != *config {
            return Found::Nothing;
        }
        match found {
            Ok((files, setup)) => {
                let before = self.broken.take();
                if files != self.used {
                    self.used = files;
                    return Found::New(setup);
                }
                if before.is_some_and(|broken| broken.is_told) {
                    Found::Restored
                } else {
                    Found::Nothing
                }
            }
            Err(wrong) => self.judge_broken(wrong),
        }
    }

    fn judge_broken(&mut self, wrong: TlsFileError) -> Found {
        let before = self.broken.take();
        let is_told = before
            .as_ref()
            .is_some_and(|before| before.is_told && before.wrong == wrong);
        let is_due = before.is_some() && !is_told;
        self.broken = Some(Broken {
            wrong: wrong.clone(),
            is_told: is_told || is_due,
        });
        if is_due {
            Found::Broken(wrong)
        } else {
            Found::Nothing
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::path::Path;

    use forebay_config::ClientAuth;
    use rcgen::{CertificateParams, KeyPair};
    use tempfile::TempDir;

    use super::*;

    fn write_pair(folder: &Path) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec!["cache.example".to_owned()]).unwrap();
        fs::write(
            folder.join("tls.crt"),
            params.self_signed(&key).unwrap().pem(),
        )
        .unwrap();
        fs::write(folder.join("tls.key"), key.serialize_pem()).unwrap();
    }

    fn config(folder: &Path) -> TlsConfig {
        TlsConfig {
            cert_file: folder.join("tls.crt"),
            key_file: folder.join("tls.key"),
            client_ca_file: None,
            client_auth: ClientAuth::Required,
        }
    }

    fn watch(folder: &Path) -> Watch {
        let config = config(folder);
        let (files, _) = read(&config).unwrap();
        Watch::new(config, files)
    }

    fn look(watch: &mut Watch) -> String {
        let config = watch.config().clone();
        match watch.judge(&config, read(&config)) {
            Found::Nothing => "nothing".to_owned(),
            Found::New(_) => "new".to_owned(),
            Found::Restored => "restored".to_owned(),
            Found::Broken(wrong) => {
                let name = wrong.path.file_name().unwrap().to_str().unwrap();
                format!("{name} {}", wrong.what.split(" in ").next().unwrap())
            }
        }
    }

    #[test]
    fn what_is_new_is_taken_once() {
        let folder = TempDir::new().unwrap();
        write_pair(folder.path());
        let mut watch = watch(folder.path());
        assert_eq!(look(&mut watch), "nothing");
        write_pair(folder.path());
        assert_eq!(look(&mut watch), "new");
        assert_eq!(look(&mut watch), "nothing");
        assert!(watch.refused().is_none());
    }

    /// As Kubernetes mounts a Secret: files are links through `..data`, which is turned in one rename.
    #[test]
    fn a_link_that_is_turned_is_seen() {
        let folder = TempDir::new().unwrap();
        for version in ["..1", "..2"] {
            fs::create_dir(folder.path().join(version)).unwrap();
            write_pair(&folder.path().join(version));
        }
        symlink("..1", folder.path().join("..data")).unwrap();
        for name in ["tls.crt", "tls.key"] {
            symlink(format!("..data/{name}"), folder.path().join(name)).unwrap();
        }
        let mut watch = watch(folder.path());
        symlink("..2", folder.path().join("..data_tmp")).unwrap();
        fs::rename(
            folder.path().join("..data_tmp"),
            folder.path().join("..data"),
        )
        .unwrap();
        assert_eq!(look(&mut watch), "new");
    }

    #[test]
    fn a_pair_that_is_half_replaced_is_waited_for_and_one_that_stays_broken_is_told_once() {
        let folder = TempDir::new().unwrap();
        write_pair(folder.path());
        let key = folder.path().join("tls.key");
        let mut watch = watch(folder.path());
        let old_key = fs::read(&key).unwrap();
        write_pair(folder.path());
        let new_key = fs::read(&key).unwrap();
        fs::write(&key, &old_key).unwrap();
        assert_eq!(look(&mut watch), "nothing", "the key may be on its way");
        fs::write(&key, &new_key).unwrap();
        assert_eq!(look(&mut watch), "new");

        fs::write(&key, &old_key).unwrap();
        assert_eq!(look(&mut watch), "nothing");
        assert_eq!(
            look(&mut watch),
            "tls.key is not the key of the certificate"
        );
        assert!(watch.refused().is_some());
        assert_eq!(look(&mut watch), "nothing", "it was told");
        fs::remove_file(&key).unwrap();
        let told = look(&mut watch);
        assert!(told.starts_with("tls.key cannot be read: "), "{told}");
        fs::write(&key, &new_key).unwrap();
        assert_eq!(look(&mut watch), "restored");
        assert!(watch.refused().is_none());
    }
}
