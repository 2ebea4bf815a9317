//! What is asked of private ECR registries: whether images, and the repositories that they are pushed to, are there.

use forebay_oci::{EcrHost, ImageName, Reference};

use super::{Check, Kind, words};

/// Whether an image's repository and the image exist, where that is asked of AWS; `None` for other registries.
pub fn ecr_image(image: &ImageName) -> Option<Check> {
    let ecr = EcrHost::parse(&image.registry)?;
    let id = match &image.reference {
        Reference::Tag(tag) => format!("imageTag={tag}"),
        Reference::Digest(digest) => format!("imageDigest={digest}"),
    };
    Some(Check {
        what: format!("image {image}"),
        command: words(&[
            "aws",
            "ecr",
            "describe-images",
            "--region",
            ecr.region(),
            "--registry-id",
            ecr.account(),
            "--repository-name",
            image.repository.as_str(),
            "--image-ids",
            &id,
            "--query",
            "imageDetails[0].imageDigest",
            "--output",
            "text",
        ]),
        kind: Kind::Image,
    })
}

/// Whether the repository exists that an image which is built here is pushed to; `None` for other registries than ECR.
pub fn ecr_repository(image: &ImageName) -> Option<Check> {
    let ecr = EcrHost::parse(&image.registry)?;
    let repository = image.repository.as_str();
    Some(Check {
        what: format!("repository {}/{repository}", image.registry),
        command: words(&[
            "aws",
            "ecr",
            "describe-repositories",
            "--region",
            ecr.region(),
            "--registry-id",
            ecr.account(),
            "--repository-names",
            repository,
            "--query",
            "repositories[0].repositoryName",
            "--output",
            "text",
        ]),
        kind: Kind::Repository,
    })
}
