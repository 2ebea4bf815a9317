//! The arguments that say where the configuration is, shared by all commands that read it.

use std::path::PathBuf;

use forebay_config::{Environment, Flags, Sources};

/// Where the configuration is.
#[derive(Debug, Clone, clap::Args)]
pub struct SourceArgs {
    /// The configuration file (TOML); without it, or `FOREBAY_CONFIG`, the defaults hold
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// The data directory, instead of `data`
    #[arg(long, value_name = "DIR")]
    pub data: Option<String>,
}

/// Where to listen, for the commands to which it matters.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct ListenArgs {
    /// Where to listen, instead of `listen`; several addresses stand with commas between
    #[arg(long, value_name = "ADDR")]
    pub listen: Option<String>,
}

impl SourceArgs {
    /// The same for a command to which it does not matter where to listen.
    pub fn without_listen(&self, environment: Environment) -> Sources {
        self.clone().sources(ListenArgs::default(), environment)
    }

    /// The sources of the configuration that these arguments name.
    pub fn sources(self, listen: ListenArgs, environment: Environment) -> Sources {
        let flags = Flags {
            listen: listen.listen,
            data: self.data,
        };
        Sources::new(self.config, environment, flags)
    }
}
