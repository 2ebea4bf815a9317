//! A small world in which pulls go wrong: actors, what happens to them, and what their platforms write of it.
//!
//! Who, why and since when are known; the renderers fold, cut and repeat as the real tools do.

pub(crate) mod aws;
pub(crate) mod ci;
pub(crate) mod docker;
pub(crate) mod kube;

/// When all incidents begin: 2026-03-02 08:00 UTC.
pub(crate) const START: i64 = 1_772_438_400;

/// How long after that the evidence is gathered, in seconds.
pub(crate) const GATHERED: i64 = 2 * 3_600;

pub(crate) const HUB_ANONYMOUS: &str = "toomanyrequests: You have reached your unauthenticated pull rate limit. https://www.docker.com/increase-rate-limit";
pub(crate) const HUB_ACCOUNT: &str = "toomanyrequests: You have reached your pull rate limit as 'planetcorp': dckr_jti_AbCdEfGhIjKlMnOpQrStUvWxYz0=. You may increase the limit by upgrading. https://www.docker.com/increase-rate-limit";
pub(crate) const HAP: &str = "toomanyrequests: Too Many Requests (HAP429)";
pub(crate) const LOCKOUT: &str =
    "toomanyrequests: too many failed login attempts for username or IP address";
pub(crate) const BAD_LOGIN: &str = "unauthorized: incorrect username or password";
pub(crate) const GHCR: &str = "toomanyrequests: retry-after: 681.996µs, allowed: 44000/minute";
pub(crate) const NO_DNS: &str = "Get \"https://registry-1.docker.io/v2/\": dial tcp: lookup registry-1.docker.io on 10.0.0.2:53: server misbehaving";
pub(crate) const NO_SPACE: &str = "failed to extract layer sha256:5dacd731af1b: write /var/lib/containerd/tmpmounts/1/usr/lib/libc.so: no space left on device: unknown";
pub(crate) const BAD_MOUNT: &str =
    "invalid mount config for type \"bind\": bind source path does not exist: /mnt/customers/42";

/// A reproducible source of choices.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5851_f42d_4c95_7f2d)
    }

    /// A number in `low..=high`.
    pub(crate) fn between(&mut self, low: i64, high: i64) -> i64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let span = u64::try_from(high - low + 1).unwrap();
        low + i64::try_from((z ^ (z >> 31)) % span).unwrap()
    }

    pub(crate) fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[usize::try_from(self.between(0, from.len() as i64 - 1)).unwrap()]
    }
}

/// Somebody who pulls.
#[derive(Clone, Debug)]
pub(crate) struct Actor {
    pub(crate) kind: &'static str,
    pub(crate) name: String,
    pub(crate) namespace: String,
    pub(crate) image: String,
    pub(crate) node: String,
}

/// What happens to one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Say {
    Pulling,
    Pulled,
    Failed(String),
    Waits,
    Died(i64, String),
}

/// Something that happened, in seconds since the start.
#[derive(Clone, Debug)]
pub(crate) struct Tick {
    pub(crate) at: i64,
    pub(crate) actor: usize,
    /// Which of the actor's pods, tasks or jobs.
    pub(crate) run: usize,
    pub(crate) say: Say,
}

/// All actors and all that happened.
#[derive(Default, Debug)]
pub(crate) struct World {
    pub(crate) actors: Vec<Actor>,
    pub(crate) ticks: Vec<Tick>,
}

impl World {
    pub(crate) fn actor(
        &mut self,
        kind: &'static str,
        name: &str,
        image: &str,
        node: &str,
    ) -> usize {
        self.actors.push(Actor {
            kind,
            name: name.to_owned(),
            namespace: "shop".to_owned(),
            image: image.to_owned(),
            node: node.to_owned(),
        });
        self.actors.len() - 1
    }

    /// A container that dies after each start; the image is good and pulled each time.
    pub(crate) fn crash_loop(&mut self, actor: usize, from: i64, every: i64, why: (i64, &str)) {
        for (run, at) in (from..GATHERED)
            .step_by(usize::try_from(every).unwrap())
            .enumerate()
        {
            self.tick(at, actor, run, Say::Pulling);
            self.tick(at + 1, actor, run, Say::Pulled);
            self.tick(at + 2, actor, run, Say::Died(why.0, why.1.to_owned()));
        }
    }

    /// Tasks that are refused before their container begins; nothing tells of their pulls.
    pub(crate) fn die_unpulled(&mut self, actor: usize, from: i64, every: i64, why: (i64, &str)) {
        for (run, at) in (from..GATHERED)
            .step_by(usize::try_from(every).unwrap())
            .enumerate()
        {
            self.tick(at, actor, run, Say::Died(why.0, why.1.to_owned()));
        }
    }

    /// Pulls that fail, so many times.
    #[expect(
        clippy::too_many_arguments,
        reason = "read as a sentence where it is called"
    )]
    pub(crate) fn fails(
        &mut self,
        actor: usize,
        from: i64,
        every: i64,
        times: usize,
        message: &str,
    ) {
        for run in 0..times {
            let at = from + every * run as i64;
            if at < GATHERED {
                self.tick(at, actor, run, Say::Pulling);
                self.tick(at + 1, actor, run, Say::Failed(message.to_owned()));
                self.tick(at + 2, actor, run, Say::Waits);
            }
        }
    }

    /// Pulls that go well.
    pub(crate) fn pulls(&mut self, actor: usize, from: i64, every: i64, times: usize) {
        for run in 0..times {
            let at = from + every * run as i64;
            self.tick(at, actor, run, Say::Pulling);
            self.tick(at + 1, actor, run, Say::Pulled);
        }
    }

    fn tick(&mut self, at: i64, actor: usize, run: usize, say: Say) {
        // Nothing is seen that has not happened yet.
        if at < GATHERED {
            self.ticks.push(Tick {
                at,
                actor,
                run,
                say,
            });
        }
    }

    /// All that happened, in order.
    pub(crate) fn in_order(&self) -> Vec<(&Tick, &Actor)> {
        let mut all: Vec<(&Tick, &Actor)> = self
            .ticks
            .iter()
            .map(|tick| (tick, &self.actors[tick.actor]))
            .collect();
        all.sort_by_key(|(tick, _)| tick.at);
        all
    }
}

/// RFC 3339 of so many seconds since the start.
pub(crate) fn iso(at: i64) -> String {
    forebay_evidence::Moment::from_unix_ms((START + at) * 1_000).to_string()
}

/// Letters that depend on what is given only.
pub(crate) fn letters(of: &str, length: usize, alphabet: &str) -> String {
    let mut state = of.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3)
    });
    let alphabet: Vec<char> = alphabet.chars().collect();
    let mut text = String::new();
    for _ in 0..length {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        text.push(alphabet[usize::try_from(state >> 33).unwrap() % alphabet.len()]);
    }
    text
}
