//! Runs the server: opens, listens, answers, reloads, drains.

use std::fs::Permissions;
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use forebay_api_admin::{CONTROL_SOCKET, Metrics};
use forebay_api_registry::{RegistryApi, Table};
use forebay_blobs_fs::{Disk, RealDisk};
use forebay_cache::Kept;
use forebay_config::{Config, ListenAddress, ServerConfig, Sources, load};
use forebay_content::{Audit, Clock, KeptCoolDown, Observe, SystemClock};
use forebay_http_kit::{Listener, NoAccessLog, ServeLimits, Server};
use forebay_jobs::Supervisor;
use forebay_registry::Operator;
use forebay_terminal::Failure;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing::{info, warn};

use crate::access_log::{Access, AccessLines};
use crate::audit_log::{AuditLog, Counted};
use crate::backing::Backing;
use crate::control::Controls;
use crate::data::{DataDir, begins_data, with_way_out};
use crate::data_disk::DataDisk;
use crate::descriptors;
use crate::disk_trouble::is_full_or_read_only;
use crate::front::{ControlDoor, Front, Leaving, State};
use crate::gate::Gate;
use crate::greeting;
use crate::hosting::Hosting;
use crate::ledger::Books;
use crate::ledger_desk::LedgerDesk;
use crate::logging;
use crate::registry_health::RegistryHealth;
use crate::reload::{Guarded, Reload};
use crate::reserved::check_reserved;
use crate::routes::local_names;
use crate::tls::Tls;
use crate::upstreams::{Doors, Ground, Hosted, Upstreams, restore};

/// How long a successor waits for its predecessor beyond the time that it itself would take to drain.
const EXTRA_PATIENCE: Duration = Duration::from_secs(30);

/// How long what is cut at the end has to leave its traces.
const CUT_WITHIN: Duration = Duration::from_secs(1);

/// Runs the server that `sources` configure until it is told to stop.
///
/// # Errors
/// What keeps it from starting.
pub async fn serve(sources: Sources) -> Result<(), Failure> {
    serve_on(sources, Arc::new(RealDisk), Arc::new(SystemClock::new())).await
}

/// Like [`serve`], with the blobs on `disk` and the time from `clock`: the whole program, for tests in which the disk fails or
/// hours pass.
///
/// # Errors
/// Those of [`serve`].
pub async fn serve_on(
    sources: Sources,
    disk: Arc<dyn Disk>,
    clock: Arc<dyn Clock>,
) -> Result<(), Failure> {
    let config = load(&sources)?;
    logging::begin(&config.log);
    let is_first = begins_data(&config)?;
    let connections = descriptors::take(config.server.max_connections)?;
    let patience = config.server.drain + EXTRA_PATIENCE;
    let data = DataDir::open(&config.data, Arc::clone(&disk), patience).await?;
    let running = Running::start((sources, config), (data, disk), connections, clock).await?;
    greeting::say_data(&running.reload.started.data, is_first);
    running.until_stopped().await
}

struct Running {
    data: DataDir,
    hosting: Option<Hosting>,
    kept: Arc<Kept>,
    reload: Reload,
    signals: Signals,
    supervisor: Supervisor,
    access_lines: Option<AccessLines>,
    leaving: Leaving,
}

/// What clients are answered from.
struct Answering {
    upstreams: Upstreams,
    /// What rests at upstreams since before the start.
    resting: Vec<KeptCoolDown>,
    table: Arc<ArcSwap<Table>>,
    doors: Arc<ArcSwap<Doors>>,
}

struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

/// What a signal asks for.
#[derive(PartialEq, Eq)]
enum Signalled {
    Reload,
    Stop,
}

impl Running {
    /// Puts everything together and begins to listen. Asks no upstream anything.
    async fn start(
        (sources, config): (Sources, Config),
        (data, disk): (DataDir, Arc<dyn Disk>),
        max_connections: usize,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, Failure> {
        let supervisor = Supervisor::new();
        let metrics = Arc::new(Metrics::new());
        let data_disk = DataDisk::of(&config.data, &disk);
        let rows = (&data.catalog, data_disk.clone());
        let books = Books::open(&config, &clock, rows, &supervisor).await?;
        let ears = books.ears(&metrics);
        let stores = (&data, data_disk);
        let kept = open_kept(&config, stores, (&clock, &ears), &supervisor).await?;
        let world = (Arc::clone(&kept), Arc::clone(&clock));
        let mut ground = Ground::new(&sources, world, (Arc::clone(&metrics), ears), &supervisor);
        let (hosting, gate) = open_hosting((&config, &kept), disk, &clock, &supervisor).await?;
        ground.hosted = hosted(hosting.as_ref(), &config, (&clock, &ground.metrics));
        let Answering {
            upstreams,
            resting,
            table,
            doors,
        } = Answering::open(&config, &ground, (&books, &gate))?;
        let operator = begin_operating(hosting.as_ref(), &config, &ground, &supervisor);
        let controls = controls(
            (&config, &clock, &supervisor),
            (&data, &kept, hosting.as_ref()),
            (&books, &doors),
            (&ground, &gate, operator.as_ref()),
        );
        // Before anybody can know that we run: a signal without a handler ends the process.
        let signals = Signals::begin()?;
        listen_for_commands(&config, controls, &supervisor)?;
        let leaving = Leaving::default();
        let health = watch_health(
            hosting.as_ref(),
            (&config.data, &ground.hosted.audit),
            (&clock, &supervisor),
        )
        .await;
        let (access_lines, tls) = listen(
            (&config, max_connections),
            (Arc::clone(&table), leaving.clone(), (books.clone(), health)),
            &ground,
        )?;
        // Not before: a start that fails prints why, and nothing beside.
        greeting::say(&sources, &config);
        let now = clock.now();
        greeting::say_rests(&resting, now);
        ground.metrics.note_reload(true, now.unix_seconds());
        let reload = Reload {
            sources,
            ground,
            table,
            doors,
            upstreams,
            books,
            gate,
            operator,
            tls,
            guarded: Guarded::of(&config),
            current: config.clone(),
            started: config,
        };
        Ok(Self {
            data,
            hosting,
            kept,
            reload,
            signals,
            supervisor,
            access_lines,
            leaving,
        })
    }

    /// Reloads on SIGHUP; on SIGTERM or SIGINT finishes what is under way and ends.
    async fn until_stopped(mut self) -> Result<(), Failure> {
        while self.signals.next().await == Signalled::Reload {
            // Nothing has been taken over yet where it waits for something.
            tokio::select! {
                () = self.reload.run() => {}
                () = self.signals.next_stop() => break,
            }
        }
        self.leave().await;
        self.kept.flush().await;
        let hosting_closed = match &self.hosting {
            Some(hosting) => hosting.close().await,
            None => Ok(()),
        };
        self.reload.books.close().await;
        if let Some(lines) = &self.access_lines {
            lines.flush().await;
        }
        let _ = tokio::fs::remove_file(self.reload.started.data.join(CONTROL_SOCKET)).await;
        let data_closed = self.data.close().await;
        hosting_closed.and(data_closed)
    }
}

impl Running {
    /// Says that it stops, goes on for as long as the operator wants others to take notice, and finishes what is in flight.
    async fn leave(&mut self) {
        let ServerConfig {
            stop_delay, drain, ..
        } = self.reload.started.server;
        info!(
            delay = ?stop_delay,
            limit = ?drain,
            "stopping: requests in flight are finished; a second signal ends them at once"
        );
        self.leaving.announce();
        let supervisor = &self.supervisor;
        let orderly = async {
            tokio::time::sleep(stop_delay).await;
            supervisor.stop();
            supervisor.drain(drain).await
        };
        let is_finished = tokio::select! {
            is_finished = orderly => is_finished,
            () = self.signals.next_stop() => false,
        };
        if !is_finished {
            let tasks = supervisor.running();
            warn!(tasks, "stopping before all was finished");
            supervisor.stop();
            supervisor.cut();
            supervisor.drain(CUT_WITHIN).await;
        }
    }
}

impl Answering {
    /// As the configuration has it. Asks no upstream anything.
    fn open(
        config: &Config,
        ground: &Ground,
        (books, gate): (&Books, &Gate),
    ) -> Result<Self, Failure> {
        let upstreams = ground.build(config, &Upstreams::new())?;
        ground.replace(&Upstreams::new(), &upstreams, config);
        let resting = restore(&upstreams, &books.ledger.kept_limits());
        let doors = Doors::new(config, &upstreams)?;
        let table = doors.table(config, &ground.hosted, gate.point(config));
        Ok(Self {
            upstreams,
            resting,
            table: Arc::new(ArcSwap::from_pointee(table)),
            doors: Arc::new(ArcSwap::from_pointee(doors)),
        })
    }
}

impl Signals {
    fn begin() -> Result<Self, Failure> {
        let on =
            |kind| signal(kind).map_err(|error| Failure::failed("cannot wait for signals", error));
        Ok(Self {
            terminate: on(SignalKind::terminate())?,
            interrupt: on(SignalKind::interrupt())?,
            hangup: on(SignalKind::hangup())?,
        })
    }

    /// Leaves what asks for a reload to who comes next.
    async fn next_stop(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }

    async fn next(&mut self) -> Signalled {
        tokio::select! {
            // Of both, the stop.
            biased;
            _ = self.terminate.recv() => Signalled::Stop,
            _ = self.interrupt.recv() => Signalled::Stop,
            _ = self.hangup.recv() => Signalled::Reload,
        }
    }
}

/// Opens what the cache has kept.
async fn open_kept(
    config: &Config,
    (data, disk): (&DataDir, DataDisk),
    (clock, ears): (&Arc<dyn Clock>, &Arc<dyn Observe>),
    supervisor: &Supervisor,
) -> Result<Arc<Kept>, Failure> {
    let kept = Kept::open(
        data.stores(),
        (config.cache.max_size, Arc::new(disk)),
        Arc::clone(clock),
        Arc::clone(ears),
        supervisor.clone(),
    );
    kept.await
        .map_err(|error| with_way_out("cannot read the catalog", &config.data, error))
}

/// Looks after what lives here, if anything does.
async fn watch_health(
    hosting: Option<&Hosting>,
    (data, audit): (&Path, &Arc<dyn Audit>),
    watchers: (&Arc<dyn Clock>, &Supervisor),
) -> RegistryHealth {
    match hosting {
        Some(hosting) => RegistryHealth::watch(hosting, (data, audit), watchers).await,
        None => RegistryHealth::default(),
    }
}

/// Opens what lives here, and what says who is let in to it.
async fn open_hosting(
    (config, kept): (&Config, &Arc<Kept>),
    disk: Arc<dyn Disk>,
    clock: &Arc<dyn Clock>,
    supervisor: &Supervisor,
) -> Result<(Option<Hosting>, Gate), Failure> {
    let (data, blobs) = (&config.data, Arc::clone(&disk));
    let hosting = Hosting::open_if_any((data, kept), blobs, Arc::clone(clock), supervisor).await?;
    if let Some(hosting) = &hosting {
        let registry = &hosting.registry;
        registry.set_names(local_names(config));
        check_reserved(registry, config, (None, clock.as_ref())).await?;
        hosting.catch_up(supervisor);
    }
    let accounts = hosting.as_ref().map(Hosting::rows);
    let gate = Gate::new((data.clone(), disk), accounts, clock, supervisor);
    gate.take_over(gate.prepare(config)?);
    Ok((hosting, gate))
}

fn hosted(
    hosting: Option<&Hosting>,
    config: &Config,
    (clock, metrics): (&Arc<dyn Clock>, &Arc<Metrics>),
) -> Hosted {
    Hosted {
        registry: hosting.map(|hosting| Arc::clone(&hosting.registry)),
        audit: Arc::new(Counted {
            log: AuditLog::new(&config.data, Arc::clone(clock)),
            metrics: Arc::clone(metrics),
        }),
    }
}

/// Has the configuration's lifecycle rules applied, where there are local repositories.
fn begin_operating(
    hosting: Option<&Hosting>,
    config: &Config,
    ground: &Ground,
    supervisor: &Supervisor,
) -> Option<Arc<Operator>> {
    let registry = Arc::clone(&hosting?.registry);
    let told = (
        Arc::clone(&ground.hosted.audit),
        Arc::clone(&ground.metrics) as _,
    );
    let operator = Arc::new(Operator::new(registry, config.lifecycle.clone(), told));
    operator.keep_applying(supervisor);
    Some(operator)
}

/// What commands may have done: with what is kept, what lives here, and what is told of upstreams.
fn controls(
    (config, clock, supervisor): (&Config, &Arc<dyn Clock>, &Supervisor),
    (data, kept, hosting): (&DataDir, &Arc<Kept>, Option<&Hosting>),
    (books, doors): (&Books, &Arc<ArcSwap<Doors>>),
    (ground, gate, operator): (&Ground, &Gate, Option<&Arc<Operator>>),
) -> Controls {
    Controls {
        desk: LedgerDesk {
            ledger: Arc::clone(&books.ledger),
            doors: Arc::clone(doors),
        },
        accounts: hosting.map(|hosting| hosting.accounts(clock)),
        operator: operator.cloned(),
        access: gate.access(),
        backing: hosting.map(|hosting| Backing {
            data: config.data.clone(),
            registry: Arc::clone(&hosting.registry),
            shelves: hosting.shelves.clone(),
            clock: Arc::clone(clock),
            progress: std::sync::Mutex::default(),
        }),
        audit: Arc::clone(&ground.hosted.audit),
        webhooks: Arc::clone(&books.webhooks),
        doors: Arc::clone(doors),
        kept: Arc::clone(kept),
        blobs: Arc::clone(data.blobs()),
        catalog: Arc::clone(&data.catalog),
        supervisor: supervisor.clone(),
        checking: tokio::sync::Mutex::new(()),
    }
}

fn begin_access_log(
    config: &Config,
    clock: &Arc<dyn Clock>,
) -> Result<Option<AccessLines>, Failure> {
    config
        .log
        .access
        .then(|| AccessLines::begin(config.log.format, Arc::clone(clock), io::stdout()))
        .transpose()
        .map_err(|error| Failure::failed("cannot begin the access log", error))
}

/// Listens, and answers from now on. Where requests leave their lines, and what TLS is spoken by.
fn listen(
    (config, max_connections): (&Config, usize),
    (table, leaving, (books, hosted)): (Arc<ArcSwap<Table>>, Leaving, (Books, RegistryHealth)),
    ground: &Ground,
) -> Result<(Option<AccessLines>, Option<Tls>), Failure> {
    let clock = &ground.asker.clock;
    let lines = begin_access_log(config, clock)?;
    let tls = config.tls.as_ref().map(|tls| Tls::open(tls, clock));
    let tls = tls.transpose()?;
    let metrics = Arc::clone(&ground.metrics);
    let access = Access {
        answers: vec![Arc::clone(&metrics) as _, Arc::clone(&books.ledger) as _],
        metrics: Arc::clone(&metrics),
        lines: lines.clone(),
    };
    let started = clock.now();
    let instance = ground.asker.instance.clone();
    let registry = RegistryApi::new(table, instance, Arc::clone(clock));
    let supervisor = &ground.asker.supervisor;
    registry.keep_audit(supervisor);
    let front = |connections| Front {
        registry,
        metrics,
        state: State {
            kept: Arc::clone(&ground.kept),
            books,
            leaving,
            connections,
            started,
            tls: tls.clone(),
            hosted: hosted.clone(),
        },
    };
    let limits = ServeLimits {
        max_connections,
        ..ServeLimits::default()
    };
    let server = Server::counted(limits, Arc::new(access), front);
    for address in &config.listen {
        let socket = address.socket;
        let listener = Listener::bind_tcp(socket).map_err(|error| cannot_listen(socket, error))?;
        let bound = ListenAddress {
            socket: listener.local_address().unwrap_or(socket),
            ..*address
        };
        info!(address = %bound, "listening");
        match tls.as_ref().filter(|_| address.is_tls) {
            Some(tls) => server.serve_tls(listener, tls.speaks(), supervisor),
            None => server.serve(listener, supervisor),
        }
    }
    if let Some(tls) = &tls {
        tls.keep(supervisor);
    }
    Ok((lines, tls))
}

fn listen_for_commands(
    config: &Config,
    controls: Controls,
    supervisor: &Supervisor,
) -> Result<(), Failure> {
    let path = config.data.join(CONTROL_SOCKET);
    let listener = match bind_for_owner(&path) {
        Ok(listener) => listener,
        // Warm images are served from such a disk too; only commands cannot reach the server.
        Err(error) if is_full_or_read_only(&error) => {
            warn!(path = %path.display(), %error, "there is no control socket: the disk is full or read-only");
            return Ok(());
        }
        Err(error) => {
            return Err(Failure::failed(
                format!("cannot listen on {}", path.display()),
                error,
            ));
        }
    };
    let server = Server::new(
        ControlDoor { controls },
        ServeLimits::default(),
        Arc::new(NoAccessLog),
    );
    server.serve(listener, supervisor);
    Ok(())
}

/// Binds a Unix socket that only its owner may connect to, in the place of one that a killed server left: whoever holds the
/// lock on the data directory knows that nobody listens there.
fn bind_for_owner(path: &Path) -> io::Result<Listener> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = Listener::bind_unix(path)?;
    std::fs::set_permissions(path, Permissions::from_mode(0o600))?;
    Ok(listener)
}

fn cannot_listen(address: SocketAddr, error: io::Error) -> Failure {
    let is_taken = error.kind() == io::ErrorKind::AddrInUse;
    let failure = Failure::failed(format!("cannot listen on {address}"), error);
    if is_taken {
        return failure.with_hint("another program listens there; choose another address: forebay serve --listen 127.0.0.1:5001");
    }
    failure
}
