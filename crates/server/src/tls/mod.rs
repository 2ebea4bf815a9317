//! TLS towards clients, kept as its files are: what is new in them is taken over, what is broken is told and left.
//!
//! Whole files are read every few seconds, rather than their times: so it makes no difference how they are replaced, in place,
//! by renaming, or by a link that Kubernetes turns elsewhere.

mod outlook;
mod watch;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use forebay_api_admin::TlsReadings;
use forebay_config::{Advice as _, Hint, TlsConfig, TlsFileError, TlsFiles, is_open_to_others};
use forebay_content::Clock;
use forebay_http_kit::{Certificate, ServerTls, TlsSetup};
use forebay_jobs::Supervisor;
use forebay_terminal::Failure;
use forebay_terminal::amounts::moment;
use tracing::{error, info, warn};

use outlook::Outlook;
use watch::{Found, Watch, read};

/// How often the files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// How often it is said again that a certificate ends soon, or has ended.
const WARN_EVERY: Duration = Duration::from_hours(24);

/// What is spoken, and the files that it is made of. Clones are the same.
#[derive(Clone)]
pub(crate) struct Tls {
    speaks: ServerTls,
    clock: Arc<dyn Clock>,
    state: Arc<Mutex<State>>,
}

/// What a configuration names, read and good.
pub(crate) struct NewTls {
    config: TlsConfig,
    files: TlsFiles,
    setup: TlsSetup,
}

impl NewTls {
    /// Reads what `config` names. Blocks for as long as that takes.
    ///
    /// # Errors
    /// A file that nothing can be made of.
    pub(crate) fn read(config: &TlsConfig) -> Result<Self, Failure> {
        let (files, setup) = read(config).map_err(failure)?;
        Ok(Self {
            config: config.clone(),
            files,
            setup,
        })
    }
}

struct State {
    watch: Watch,
    certificate: Certificate,
    /// What was last said of how long it holds, and when.
    warned: Option<(Outlook, Duration)>,
}

impl Tls {
    /// Reads what `config` names. Blocks for as long as that takes.
    ///
    /// # Errors
    /// A file that nothing can be made of.
    pub(crate) fn open(config: &TlsConfig, clock: &Arc<dyn Clock>) -> Result<Self, Failure> {
        let NewTls { files, setup, .. } = NewTls::read(config)?;
        let certificate = setup.certificate().clone();
        say(config, &certificate, "TLS is spoken");
        let tls = Self {
            speaks: ServerTls::new(&setup),
            clock: Arc::clone(clock),
            state: Arc::new(Mutex::new(State {
                watch: Watch::new(config.clone(), files),
                certificate,
                warned: None,
            })),
        };
        tls.warn_in_time();
        Ok(tls)
    }

    /// What listeners speak.
    pub(crate) fn speaks(&self) -> ServerTls {
        self.speaks.clone()
    }

    /// Looks at the files until `supervisor` stops.
    pub(crate) fn keep(&self, supervisor: &Supervisor) {
        let (tls, stop) = (self.clone(), supervisor.clone());
        supervisor.spawn("certificates", async move {
            loop {
                tokio::select! {
                    () = stop.stopping() => return,
                    () = tls.clock.sleep(LOOK_EVERY) => {}
                }
                let looking = tls.clone();
                // It waits for a disk, or whatever the files are on.
                if tokio::task::spawn_blocking(move || looking.look())
                    .await
                    .is_err()
                {
                    error!("the look at the certificate's files failed, and is repeated");
                }
            }
        });
    }

    /// Takes over what was read, which may be other files: now, and not when they are next looked at. Whether there is anything new
    /// in them.
    pub(crate) fn take_over(&self, new: NewTls) -> bool {
        let NewTls {
            config,
            files,
            setup,
        } = new;
        let mut state = self.lock();
        if state.watch.is_of(&config, &files) {
            return false;
        }
        self.speaks.replace(&setup);
        state.certificate = setup.certificate().clone();
        say(
            &config,
            &state.certificate,
            "the certificate was taken over",
        );
        state.watch = Watch::new(config, files);
        drop(state);
        self.warn_in_time();
        true
    }

    /// What is known of it, for who looks.
    pub(crate) fn readings(&self) -> TlsReadings {
        let now = self.now();
        let state = self.lock();
        let outlook = Outlook::of(&state.certificate, now);
        let refused = state.watch.refused().map(|what| {
            format!("the certificate's files are not taken over, the ones before are used: {what}")
        });
        TlsReadings {
            cert_file: state.watch.config().cert_file.display().to_string(),
            not_after: state.certificate.not_after,
            is_taken_over: refused.is_none(),
            troubles: outlook.trouble().into_iter().chain(refused).collect(),
        }
    }

    fn look(&self) {
        // Read without the lock: others ask for readings meanwhile.
        let config = self.lock().watch.config().clone();
        let found = read(&config);
        let mut state = self.lock();
        match state.watch.judge(&config, found) {
            Found::Nothing => {}
            Found::New(setup) => {
                self.speaks.replace(&setup);
                state.certificate = setup.certificate().clone();
                say(
                    &config,
                    &state.certificate,
                    "the certificate was taken over",
                );
            }
            Found::Restored => info!("the certificate's files are again what is used"),
            Found::Broken(wrong) => refuse(&wrong),
        }
        drop(state);
        self.warn_in_time();
    }

    /// Says that the certificate ends soon or has ended, when that is new and then once a day.
    fn warn_in_time(&self) {
        let (now, since_start) = (self.now(), self.clock.monotonic());
        let mut state = self.lock();
        let outlook = Outlook::of(&state.certificate, now);
        let is_told = state.warned.is_some_and(|(told, at)| {
            told == outlook && since_start.saturating_sub(at) < WARN_EVERY
        });
        if is_told {
            return;
        }
        state.warned = outlook.trouble().map(|trouble| {
            let cert_file = state.watch.config().cert_file.display().to_string();
            warn!(cert_file, "{trouble}");
            (outlook, since_start)
        });
    }

    /// In seconds since the UNIX epoch.
    fn now(&self) -> i64 {
        i64::try_from(self.clock.now().unix_seconds()).unwrap_or(i64::MAX)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Says whom the certificate names, and of its key what is wrong with who may read it.
fn say(config: &TlsConfig, certificate: &Certificate, what: &'static str) {
    let names: Vec<_> = certificate.names.iter().map(ToString::to_string).collect();
    info!(
        cert_file = %config.cert_file.display(),
        names = names.join(", "),
        until = moment(certificate.not_after.saturating_mul(1000)),
        "{what}"
    );
    if is_open_to_others(&config.key_file) {
        warn!(
            key_file = %config.key_file.display(),
            "every account of this machine may read the private key: chmod 640 it, and give it to the group that Forebay runs as"
        );
    }
}

fn refuse(wrong: &TlsFileError) {
    let hints: Vec<_> = wrong.hints().iter().map(ToString::to_string).collect();
    error!(
        file = %wrong.path.display(),
        why = wrong.what,
        hint = (!hints.is_empty()).then(|| hints.join("; ")),
        "a new certificate was not taken over, the one before goes on"
    );
}

fn failure(wrong: TlsFileError) -> Failure {
    let hints = wrong.hints();
    let failure = Failure::failed("cannot speak TLS", wrong);
    let add = |failure: Failure, hint: &Hint| failure.with_hint(hint.to_string());
    hints.iter().fold(failure, add)
}
