//! What came, but is not what was asked for, or could not be unpacked and kept.
//!
//! Before what a connection died of: "unexpected EOF" and "not found" are then said of files, tables and snapshots.

use super::{Context, Rule};
use crate::Class::{NotFound, Other};

/// Engines, as they unpack layers. Behind a full disk and before what keeps a container from starting: a layer's files are
/// "not a directory" and its owner "not permitted" too.
pub(super) const UNPACKING: &[Rule] = &[
    // containerd finds out while it unpacks.
    Rule::new(NotFound, &[r"nomatchforplatforminmanifest"]),
    Rule::new(
    Other,
    &[
            r"processingtarfile|failedto(?:register|extract|apply)layer|failedtounpackimage",
            r"wrongdiffid|failedtoapplydiff|mountcallbackfailed|failedtoconvertwhiteout",
            r"untarerror|untarre-exec|duplicatesoffilepaths|errorcreatingtemporarylease",
            r"prepareextractionsnapshot|failedtostatsnapshotsha256|parentsnapshotsha256|snapshotsha256:[0-9a-f]*doesnotexist",
            r"noprocessorformedia-type|failedtogetstreamprocessor",
            r"getimageblob[0-9]|layerdb/tmp/write-set|failedtocreatenewoverlaymount",
            r"potentiallyinsufficientuids|enoughidsavailableinthenamespace|failedtolchown",
            r"hcsshim::(?:import|processbase|prepare|activate|create|export)layer|processutilityvmimage|re-execerror:exitstatus",
    ],
)
.uncertain()];

pub(super) const RULES: &[Rule] = &[
    Rule::new(
        Other,
        &[
            r"failedsizevalidation|sizevalidationfailed|unexpectedcommitdigest",
            r"filesystemlayerverificationfailed|(?:imageconfig|manifest)verificationfailed",
            r"unexpectedmediatype|manifesttypenotsupported|notimplemented:mediatype",
            r"vnd\.docker\.distribution\.manifest\.v1\+(?:prettyjws|json)notsupported",
            r"failedtogetreaderfromcontentstore|layersfrommanifestdon'tmatchimageconfiguration",
            r"contentdigestsha256:?[0-9a-f]*:notfound",
            r"digestdidnotmatch,expected|provideddigestdidnotmatch|digest_invalid",
            r"doesnotmatchprovidedmanifestdigest|manifestwouldnotmatchdestinationreference",
            r"errorverifying(?:sha256|sha512)checksum",
            r"unknownblob(?:$|[^a-z])|blobunknowntoregistry",
            r"layernotknown|butusesadifferenttoplayer|matchanyofthesupportedimageformats",
        ],
    )
    .uncertain(),
    Rule::new(
        Other,
        &[
            r"failedtountar|erroruntarring|failedtodecompress",
            r"digestmismatch|digestdoesnotmatch|mismatcheddigest|checksumdoesnotmatch|checksummismatch|checksumsdon'tmatch",
            r"magicnumbermismatch|flate:corrupt|gzip:invalid|zlib:invalid|invalidtarheader|unpigz:",
            r"layerdoesnotexist|errorcreatingoverlaymount",
            r"lchown[^:]+:(?:invalidargument|operationnotpermitted)",
            // The registry has the image, but not all of it.
            r"blob_?unknown",
        ],
    )
    .within(&[Context::Pull])
    .unless(&[Context::TooMany])
    .uncertain(),
];
