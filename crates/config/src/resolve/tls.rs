//! TLS towards clients: what `listen` and the section say together, and whether its files are what they should be.

use crate::advice::Advice as _;
use crate::error::{ConfigProblem, Problems, Wrong};
use crate::file::{TlsFile, TopFile};
use crate::origin::Origin;
use crate::resolved::{ClientAuth, TlsConfig};
use crate::section::Setting;
use crate::tls_files::{TlsFileError, TlsFiles};

/// Resolves it; `None` where it is not spoken, or with a problem noted.
pub(super) fn resolve(top: &TopFile, tls: &TlsFile, problems: &mut Problems) -> Option<TlsConfig> {
    if problems.is_doubtful(&["listen"]) || problems.is_doubtful(&["tls"]) {
        return None;
    }
    let listen = &top.listen;
    let secure = listen.value.0.iter().find(|address| address.is_tls);
    let config = match (&tls.cert_file.value, &tls.key_file.value) {
        (Some(cert), Some(key)) => TlsConfig {
            cert_file: cert.clone(),
            key_file: key.clone(),
            client_ca_file: tls.client_ca_file.value.clone(),
            client_auth: tls.client_auth.value.unwrap_or(ClientAuth::Required),
        },
        (None, None) => {
            if let Some(address) = secure {
                let what = format!("`listen` is {address}, and there is no certificate for it");
                problems.push(ConfigProblem::new(&listen.origin, what).hint(
                    "write [tls] cert_file and key_file, or FOREBAY_TLS__CERT_FILE and FOREBAY_TLS__KEY_FILE",
                ));
            } else if let Some((key, origin)) = stray(tls) {
                let what = format!("`{key}` is written without `tls.cert_file`");
                problems.push(ConfigProblem::new(origin, what));
            }
            return None;
        }
        (Some(_), None) => return lacks(&tls.cert_file, ("cert_file", "key_file"), problems),
        (None, Some(_)) => return lacks(&tls.key_file, ("key_file", "cert_file"), problems),
    };
    if config.client_ca_file.is_none() && tls.client_auth.value.is_some() {
        let what = "`tls.client_auth` is written without `tls.client_ca_file`: no certificate of a client could be believed";
        problems.push(ConfigProblem::new(&tls.client_auth.origin, what));
    }
    if secure.is_none() {
        let what =
            "`tls.cert_file` is written, and no address of `listen` is one where TLS is spoken";
        problems.push(
            ConfigProblem::new(&tls.cert_file.origin, what).hint(
                "write it as listen = [\"127.0.0.1:5000\", \"https://0.0.0.0:5443\"], or https:// before the one there is",
            ),
        );
    }
    if let Err(error) = TlsFiles::read(&config).and_then(|files| files.build(&config)) {
        problems.push(problem(&error, tls));
    }
    Some(config)
}

/// A key of the section that means nothing without a certificate.
fn stray(tls: &TlsFile) -> Option<(&'static str, &Origin)> {
    let written = [
        ("tls.client_ca_file", &tls.client_ca_file.origin),
        ("tls.client_auth", &tls.client_auth.origin),
    ];
    let mut written = written.into_iter();
    written.find(|(_, origin)| **origin != Origin::Default)
}

fn lacks<T>(
    written: &Setting<Option<T>>,
    (has, lacks): (&str, &str),
    problems: &mut Problems,
) -> Option<TlsConfig> {
    let what = format!("`tls.{has}` is written without `tls.{lacks}`");
    let hint = "if one file holds both, name it in both keys";
    problems.push(ConfigProblem::new(&written.origin, what).hint(hint));
    None
}

fn problem(error: &TlsFileError, tls: &TlsFile) -> ConfigProblem {
    let key = error.key();
    let origin = match key {
        "tls.cert_file" => &tls.cert_file.origin,
        "tls.key_file" => &tls.key_file.origin,
        _ => &tls.client_ca_file.origin,
    };
    let wrong = Wrong {
        is_barred: error.is_barred,
        ..Wrong::new(error.what.clone()).hints_from(error.hints())
    };
    wrong.of(&format!("`{key}`: {}", error.path.display()), origin)
}
