//! Deploys to foresee, in few words.

use forebay_forecast::{
    Budget, Fact, Fleet, Forecast, Form, ImageUse, Kept, Metering, Presence, Runtime, Wanted,
    foresee,
};
use forebay_references::{Owner, PullPolicy};

pub(crate) const HUB: &str = "docker.io";

/// A Deployment of so many replicas.
pub(crate) fn deployment(replicas: u32) -> Owner {
    Owner {
        replicas: Some(replicas),
        pull_policy: Some(PullPolicy::IfAbsent),
        ..Owner::named("Deployment", "web")
    }
}

pub(crate) fn fleet(nodes: u64) -> Fleet {
    Fleet {
        nodes: Some(nodes),
        replicas: None,
        runtime: Runtime::Containerd,
        ..Fleet::default()
    }
}

pub(crate) fn wanted(image: &str, owners: &[Owner], fleet: &Fleet) -> Wanted {
    let image = image.parse().expect("an image");
    let uses = owners
        .iter()
        .map(|owner| ImageUse::of((owner, None), "a:1".to_owned(), &image, fleet));
    Wanted {
        uses: uses.collect(),
        image,
    }
}

/// An image that is there, of this form, and not kept.
pub(crate) fn there(form: Form) -> Fact {
    Fact {
        presence: Presence::There,
        form,
        ..Fact::not_asked(None)
    }
}

/// The same, kept for so many platforms.
pub(crate) fn kept(form: Form, manifests: u64) -> Fact {
    Fact {
        kept: if form == Form::Index {
            Kept::Index
        } else {
            Kept::All
        },
        kept_manifests: manifests,
        ..there(form)
    }
}

pub(crate) fn budget(remaining: u64) -> Budget {
    Budget {
        metering: Metering::Metered,
        remaining: Some(remaining),
        limit: Some(100),
        ..Budget::unknown(HUB)
    }
}

pub(crate) fn foreseen(images: &[(Wanted, Fact)], remaining: u64, fleet: &Fleet) -> Forecast {
    foresee(images.to_vec(), &[budget(remaining)], fleet)
}
