//! helm 3 and 4: charts over OCI. Up to 3.17 through containerd's resolver, then through oras-go 2.

use http::Method;
use serde_json::json;

use super::Talk;
use crate::ask::Ask;
use crate::content::Content;
use crate::digest::Algorithm;
use crate::document::{MANIFEST, manifest};
use crate::suite::Suite;
use crate::verdict::{Verdict, ensure};

const CONFIG: &str = "application/vnd.cncf.helm.config.v1+json";
const CHART: &str = "application/vnd.cncf.helm.chart.content.v1.tar+gzip";
const PROVENANCE: &str = "application/vnd.cncf.helm.chart.provenance.v1.prov";
/// What oras-go 2 asks for when it resolves a tag.
const RESOLVE: &str = "application/vnd.docker.distribution.manifest.v2+json, application/vnd.docker.distribution.manifest.list.v2+json, application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json, application/vnd.oci.artifact.manifest.v1+json";

/// A plus in a version is an underscore in the tag.
const TAG: &str = "0.1.0_build.7";

pub(super) async fn run(suite: &Suite) {
    let talk = Talk::new(suite, "Helm/3.19.0", "helm-chart");
    let chart = chart();
    suite.case("client/helm/push", push(&talk, &chart)).await;
    suite.case("client/helm/pull", pull(&talk, &chart)).await;
    suite.case("client/helm/versions", versions(&talk)).await;
    let talk = Talk::new(suite, "Helm/3.14.4", "helm-chart-before-3.18");
    suite
        .case(
            "client/helm-before-3.18/push",
            push_by_containerd(&talk, &chart),
        )
        .await;
    suite
        .case("client/helm-before-3.18/pull", pull(&talk, &chart))
        .await;
}

/// A chart with its provenance.
fn chart() -> Content {
    let mut content = Content::new(Algorithm::Sha256);
    let marker = content.unique();
    let config = json!({"name": "chart", "version": "0.1.0+build.7", "description": marker});
    let config = content.blob("config", CONFIG, config.to_string());
    let layers = [
        content.layer("chart", CHART),
        content.layer("provenance", PROVENANCE),
    ];
    let mut json = manifest(&config, &layers);
    json["annotations"] = json!({
        "org.opencontainers.image.title": "chart",
        "org.opencontainers.image.version": "0.1.0+build.7",
    });
    content.document("chart", &json);
    content
}

async fn push(talk: &Talk, chart: &Content) -> Verdict {
    let document = &chart.documents[0];
    talk.misses_manifest(document.digest.as_str(), MANIFEST)
        .await?;
    for (_, blob) in &chart.blobs {
        talk.misses_blob(blob, "").await?;
        talk.push_blob(blob).await?;
    }
    talk.push_manifest(TAG, document).await?;
    Ok(())
}

async fn push_by_containerd(talk: &Talk, chart: &Content) -> Verdict {
    let document = &chart.documents[0];
    for (_, blob) in &chart.blobs {
        talk.misses_blob(blob, "application/vnd.oci.image.layer.v1.tar+gzip, */*")
            .await?;
        talk.push_blob(blob).await?;
    }
    let accept = format!("{MANIFEST}, */*");
    talk.misses_manifest(TAG, &accept).await?;
    talk.push_manifest(TAG, document).await?;
    Ok(())
}

async fn pull(talk: &Talk, chart: &Content) -> Verdict {
    let document = &chart.documents[0];
    talk.manifest(Method::HEAD, TAG, RESOLVE, document).await?;
    let digest = document.digest.as_str();
    talk.manifest(Method::GET, digest, MANIFEST, document)
        .await?;
    for (_, blob) in &chart.blobs {
        talk.blob(blob, &[]).await?;
    }
    Ok(())
}

/// Without `--version` helm lists the tags, and takes the newest.
async fn versions(talk: &Talk) -> Verdict {
    let answer = talk.ask(Ask::get(talk.repo.path("tags/list"))).await?;
    let tags = talk.repo.tags_of(answer.is(200)?)?;
    ensure!(tags == [TAG], "the chart's versions are {tags:?}");
    Ok(())
}
