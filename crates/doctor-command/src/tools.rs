//! What `doctor` asks by itself: `kubectl`, `docker`, `journalctl`, `aws`, registries, and the machine's own tables.
//!
//! Each answer is read as a source of its own, as if it had been given in a file. What cannot be asked is told, and the rest is
//! asked on.

mod answer;
mod bounded;
mod contexts;
mod docker;
mod ecs;
mod form;
mod inquiry;
mod items;
mod kube;
mod log_files;
mod names;
mod program;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use forebay_config::{Sources, time_span};
use forebay_content::{Clock, SystemClock};
use forebay_doctor::AsAsked;
use forebay_terminal::{ExitStatus, Failure, Printer};
use serde::Serialize;

use crate::connections::{self, ConnectionArgs, ConnectionsReport};
use crate::gathering::Gathering;
use crate::probe::{self, ProbeReport};
use crate::wait::{self, Awaited, Ended};
use inquiry::Inquiry;
use kube::Cluster;
use program::Installed;

pub(crate) use answer::read as read_answer;
pub(crate) use bounded::Bounded;
pub(crate) use ecs::{Deployment, Ear};
#[cfg(test)]
pub(crate) use items::Items;
pub(crate) use kube::Cluster as KubeCluster;
pub(crate) use program::{Call, Tools, Trouble};

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
    #[arg(long, value_name = "NAME", requires = "kube", value_parser = names::of_a_file)]
    context: Option<String>,

    /// This namespace alone
    #[arg(long, value_name = "NAME", requires = "kube", value_parser = names::namespace)]
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
    #[arg(long, value_name = "CLUSTER", value_parser = names::of_aws)]
    ecs: Option<String>,

    /// And for the events of this stack of CloudFormation
    #[arg(long, value_name = "NAME", requires = "ecs", value_parser = names::of_aws)]
    stack: Option<String>,

    /// The AWS region to ask in, instead of the one that aws is set up with
    #[arg(long, value_name = "NAME", requires = "ecs", value_parser = names::of_aws)]
    region: Option<String>,

    /// The profile of aws, instead of its default one
    #[arg(long, value_name = "NAME", requires = "ecs", value_parser = names::of_a_file)]
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
    /// Something was not answered without which nobody can say that nothing is wrong.
    #[serde(skip)]
    is_open: bool,
}

impl Args {
    /// How aws and kubectl are asked.
    pub(crate) fn as_asked(&self) -> AsAsked<'_> {
        AsAsked {
            profile: self.profile.as_deref(),
            context: self.context.as_deref(),
        }
    }

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

    /// Whether programs are to be asked what happened.
    pub(crate) const fn asks_programs(&self) -> bool {
        self.kube || self.docker || self.swarm || self.journal || self.ecs.is_some()
    }

    /// The files that are read beside the evidence.
    pub(crate) fn files(&self) -> impl Iterator<Item = &Path> {
        self.connections.files()
    }

    /// The cluster of ECS that is asked for.
    pub(crate) fn ecs(&self) -> Option<&str> {
        self.ecs.as_deref()
    }

    /// Why nobody can be asked in the context that is named, if kubectl does not know it.
    pub(crate) async fn find_unknown_context(&self) -> Option<Failure> {
        let context = self.context.as_deref()?;
        contexts::find_unknown(context, &Installed::new()).await
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
        asked.waited = Some(ended);
    }
    // Of what runs, nobody is asked why it does not.
    if !asked.waited.as_ref().is_some_and(Ended::is_good) {
        let bounded = Bounded::new(&tools, &*clock);
        let mut inquiry = Inquiry::new(&bounded, gathering, printer);
        inquiry.ask(args, &*clock).await;
        let ended = inquiry.end();
        asked.is_silent = ended.is_silent;
        asked.is_open = ended.is_open;
        asked.troubles = ended.troubles;
    }
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

    /// Whether something was not answered without which nobody can say that nothing is wrong.
    pub(crate) const fn is_open(&self) -> bool {
        self.is_open
    }

    /// Whether that no failed pull was found says nothing, or not the most important; `is_unread` if no text was.
    pub(crate) fn tells_otherwise(&self, is_unread: bool) -> bool {
        let is_beside = self.probe.is_some() || self.connections.is_some();
        self.probe.as_ref().is_some_and(ProbeReport::is_bad)
            || self.is_open
            || is_unread && (is_beside || self.is_silent)
    }

    /// How the command ends, if without this it ended so.
    pub(crate) fn status(&self, status: ExitStatus) -> ExitStatus {
        match &self.waited {
            _ if self.probe.as_ref().is_some_and(ProbeReport::is_bad) => ExitStatus::Findings,
            Some(ended) if ended.is_good() => ExitStatus::Ok,
            Some(_) => ExitStatus::Findings,
            // That nothing is wrong, nobody has said.
            None if (self.is_silent || self.is_open) && status == ExitStatus::Ok => {
                ExitStatus::Failed
            }
            None => status,
        }
    }
}
