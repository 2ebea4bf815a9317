//! What `doctor` asks by itself: `kubectl`, `docker`, `journalctl`, `aws`, registries, and the machine's own tables.
//!
//! Each answer is read as a source of its own, as if it had been given in a file. What cannot be asked is told, and the rest is
//! asked on.

mod docker;
mod ecs;
mod kube;
mod log_files;
mod program;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use forebay_config::{Sources, time_span};
use forebay_content::{Clock, SystemClock};
use forebay_terminal::{ExitStatus, Failure, Printer};
use serde::Serialize;

use crate::connections::{self, ConnectionArgs, ConnectionsReport};
use crate::gathering::Gathering;
use crate::probe::{self, ProbeReport};
use crate::wait::{self, Awaited, Ended};
use docker::{Kind, Past};
use kube::Cluster;

pub(crate) use ecs::Deployment;
pub(crate) use kube::Cluster as KubeCluster;
pub(crate) use program::{Call, Installed, Tools, Trouble};

/// Whom to ask.
#[expect(
    clippy::doc_markdown,
    clippy::struct_excessive_bools,
    reason = "each is a switch of the command line, whose help is shown as it is written"
)]
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Whom to ask")]
#[command(group(clap::ArgGroup::new("awaited").multiple(true).args(["kube", "ecs"])))]
#[group(id = "tools")]
pub(crate) struct Args {
    /// Ask kubectl for pods and events of all namespaces
    #[arg(long)]
    kube: bool,

    /// The context of the kubeconfig, instead of the current one
    #[arg(long, value_name = "NAME", requires = "kube")]
    context: Option<String>,

    /// This namespace alone
    #[arg(long, value_name = "NAME", requires = "kube")]
    namespace: Option<String>,

    /// Ask docker for its events and containers
    #[arg(long)]
    docker: bool,

    /// Ask docker for the services of the swarm and their tasks
    #[arg(long)]
    swarm: bool,

    /// Read what docker, containerd and the kubelet logged: in the journal, and in /var/log/messages
    #[arg(long)]
    journal: bool,

    /// How far back docker and the journal are asked
    #[arg(long, value_name = "TIME", default_value = "24h", value_parser = time_span)]
    since: Duration,

    /// Ask aws for the tasks and services of this cluster of ECS
    #[arg(long, value_name = "CLUSTER")]
    ecs: Option<String>,

    /// And for the events of this stack of CloudFormation
    #[arg(long, value_name = "NAME", requires = "ecs")]
    stack: Option<String>,

    /// The AWS region to ask in, instead of the one that aws is set up with
    #[arg(long, value_name = "NAME", requires = "ecs")]
    region: Option<String>,

    /// The profile of aws, instead of its default one
    #[arg(long, value_name = "NAME", requires = "ecs")]
    profile: Option<String>,

    /// Wait until all of it runs, or has failed for good; with --kube or --ecs
    #[arg(long, requires = "awaited")]
    wait: bool,

    /// How long to wait
    #[arg(long, value_name = "TIME", default_value = "30m", requires = "wait", value_parser = time_span)]
    timeout: Duration,

    /// Ask a configured registry what it sees of this machine, without spending a pull
    #[arg(
        long,
        value_name = "UPSTREAM",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = forebay_oci::DOCKER_HUB
    )]
    probe: Vec<String>,

    #[command(flatten)]
    connections: ConnectionArgs,

    /// Where the machine's root is: its logs, its clients' files, its /proc
    #[arg(long, value_name = "DIR", default_value = "/")]
    root: PathBuf,
}

/// What came of it, beside the evidence.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Asked {
    /// How what was waited for ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    waited: Option<Ended>,
    /// What registries see.
    #[serde(skip_serializing_if = "Option::is_none")]
    probe: Option<ProbeReport>,
    /// Who connects to registries.
    #[serde(skip_serializing_if = "Option::is_none")]
    connections: Option<ConnectionsReport>,
    /// Who could not be asked, and why.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    troubles: BTreeSet<String>,
    /// Nobody said anything.
    #[serde(skip)]
    is_silent: bool,
}

impl Args {
    /// Whether somebody is to be asked, so that standard input need not be read.
    pub(crate) const fn asks(&self) -> bool {
        self.kube
            || self.docker
            || self.swarm
            || self.journal
            || self.ecs.is_some()
            || !self.probe.is_empty()
            || self.connections.asks()
    }

    fn cluster(&self) -> Option<Cluster> {
        self.kube.then(|| Cluster {
            context: self.context.clone(),
            namespace: self.namespace.clone(),
        })
    }

    fn deployment(&self) -> Option<Deployment> {
        self.ecs.clone().map(|cluster| Deployment {
            cluster,
            stack: self.stack.clone(),
            region: self.region.clone(),
            profile: self.profile.clone(),
        })
    }
}

/// Asks, and adds the answers to what was read.
///
/// # Errors
/// Nobody could be asked: the configuration is wrong, or a file that was named cannot be read.
pub(crate) async fn gather(
    args: &Args,
    sources: &Sources,
    gathering: &mut Gathering,
    printer: &Printer,
) -> Result<Asked, Failure> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let tools = Installed::new();
    let mut asked = Asked::default();
    if args.wait {
        let awaited = Awaited {
            cluster: args.cluster(),
            deployment: args.deployment(),
            timeout: args.timeout,
        };
        let ended = wait::wait(&awaited, (&tools, &*clock), printer).await?;
        let is_good = ended.is_good();
        asked.waited = Some(ended);
        if is_good {
            return Ok(asked);
        }
    }
    let mut inquiry = Inquiry {
        tools: &tools,
        gathering,
        printer,
        answers: 0,
        troubles: BTreeSet::new(),
        alike: BTreeMap::new(),
    };
    inquiry.ask(args, &*clock).await;
    inquiry.tell_alike();
    asked.is_silent = inquiry.answers == 0 && !inquiry.troubles.is_empty();
    asked.troubles = inquiry.troubles;
    if !args.probe.is_empty() {
        let named = (&args.probe[..], &*args.root);
        asked.probe = Some(probe::probe(named, sources, clock).await?);
    }
    asked.connections = connections::count(&args.connections, &args.root).await?;
    Ok(asked)
}

impl Asked {
    /// What is to be shown beside the diagnosis.
    pub(crate) fn told(&self) -> Vec<String> {
        let probe = self.probe.iter().flat_map(ProbeReport::told);
        let connections = self.connections.iter().flat_map(ConnectionsReport::told);
        probe.chain(connections).collect()
    }

    /// Whether nobody who was asked has told anything.
    pub(crate) const fn is_unknown(&self) -> bool {
        self.is_silent
            && self.waited.is_none()
            && self.probe.is_none()
            && self.connections.is_none()
    }

    /// Whether that no failed pull was found says nothing, or not the most important; `is_unread` if no text was.
    pub(crate) fn tells_otherwise(&self, is_unread: bool) -> bool {
        let is_beside = self.probe.is_some() || self.connections.is_some();
        self.probe.as_ref().is_some_and(ProbeReport::is_bad)
            || is_unread && (is_beside || self.is_silent)
    }

    /// How the command ends, if without this it ended so.
    pub(crate) fn status(&self, status: ExitStatus) -> ExitStatus {
        match &self.waited {
            Some(ended) if ended.is_good() => ExitStatus::Ok,
            Some(_) => ExitStatus::Findings,
            None if self.probe.as_ref().is_some_and(ProbeReport::is_bad) => ExitStatus::Findings,
            // That nothing is wrong, nobody has said.
            None if self.is_silent && status == ExitStatus::Ok => ExitStatus::Failed,
            None => status,
        }
    }
}

/// Asks one after the other.
struct Inquiry<'a, T> {
    tools: &'a T,
    gathering: &'a mut Gathering,
    printer: &'a Printer,
    answers: usize,
    troubles: BTreeSet<String>,
    /// How many calls of a program met a trouble, by both.
    alike: BTreeMap<(&'static str, String), u64>,
}

impl<T: Tools> Inquiry<'_, T> {
    async fn ask(&mut self, args: &Args, clock: &dyn Clock) {
        let past = Past {
            now: clock.now(),
            since: args.since,
        };
        if let Some(cluster) = args.cluster() {
            self.read_all(&cluster.calls()).await;
        }
        if args.docker {
            self.read_all(&docker::docker(past)).await;
            self.inspect(Kind::Containers).await;
        }
        if args.swarm {
            self.inspect(Kind::Services).await;
        }
        if args.journal {
            self.read(&docker::journal(past, &args.root)).await;
            self.read_logs(&args.root);
        }
        if let Some(deployment) = args.deployment() {
            let told = deployment.ask(self.tools).await;
            for (call, answer) in told.answers {
                self.gathering.begin(&call.to_string());
                self.gathering.push(&answer.bytes);
                self.answers += 1;
            }
            for (call, trouble) in told.troubles {
                self.note(&call, &trouble);
            }
        }
    }

    async fn inspect(&mut self, kind: Kind) {
        match docker::inspect(self.tools, kind).await {
            Ok(calls) => self.read_all(&calls).await,
            Err(trouble) => self.note(&docker::list(kind), &trouble),
        }
    }

    async fn read_all(&mut self, calls: &[Call]) {
        for call in calls {
            if !self.read(call).await {
                return;
            }
        }
    }

    /// Reads what a program says; false if it is not there to be asked again.
    async fn read(&mut self, call: &Call) -> bool {
        self.gathering.begin(&call.to_string());
        let gathering = &mut *self.gathering;
        let mut take = |part: &[u8]| gathering.push(part);
        match self.tools.run(call, &mut take).await {
            Ok(()) => {
                self.answers += 1;
                true
            }
            Err(trouble) => {
                self.note(call, &trouble);
                !matches!(trouble, Trouble::Missing)
            }
        }
    }

    fn read_logs(&mut self, root: &Path) {
        for path in log_files::candidates(root) {
            self.gathering.begin(&path.display().to_string());
            let gathering = &mut *self.gathering;
            match log_files::read_tail(&path, &mut |part| gathering.push(part)) {
                Ok(skipped) => {
                    self.answers += 1;
                    if skipped > 0 {
                        let path = path.display();
                        self.tell(format!("the first {skipped} bytes of {path} were not read"));
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => self.tell(format!("{} cannot be read: {error}", path.display())),
            }
        }
    }

    /// Tells it of the first call that meets it: with no credentials, say, they all do.
    fn note(&mut self, call: &Call, trouble: &Trouble) {
        if !matches!(trouble, Trouble::Missing) {
            let both = (call.program, trouble.to_string());
            let calls = self.alike.entry(both).or_default();
            *calls += 1;
            if *calls > 1 {
                return;
            }
        }
        let who = match trouble {
            Trouble::Missing => call.program.to_owned(),
            _ => call.to_string(),
        };
        self.tell(format!("{who} {trouble}"));
    }

    /// Tells how many more calls met the same.
    fn tell_alike(&mut self) {
        let alike = std::mem::take(&mut self.alike);
        for ((program, _), calls) in alike.iter().filter(|(_, calls)| **calls > 1) {
            let more = calls - 1;
            let what = if more == 1 { "call" } else { "calls" };
            self.tell(format!(
                "{program}: {more} more {what} failed in the same way"
            ));
        }
    }

    /// Tells it once.
    fn tell(&mut self, trouble: String) {
        if !self.troubles.contains(&trouble) {
            self.printer.note(format_args!("note: {trouble}"));
            self.troubles.insert(trouble);
        }
    }
}
