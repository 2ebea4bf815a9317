//! What a registry refuses, and what it does not have.
//!
//! "repository does not exist or may require 'docker login'" says both: it is read as a refusal, for that is what the
//! registry's own code, `denied`, says, and credentials are what can be mended.

use super::{Context, Rule};
use crate::Class::{Auth, NotFound};

/// A program that keeps credentials and is missing is no container that does not start.
pub(super) const CREDENTIAL_HELPERS: &[Rule] = &[Rule::new(
    Auth,
    &[
        r"errorgettingcredentials",
        r"errorstoringcredentials",
        r"docker-credential-[a-z0-9-]+.*(?:executablefilenotfound|notfound|notinstalled|notavailable|resolves|nosuchfile|exitstatus)",
        r"erroringettingcredentials",
        r"credentialsnotfoundinnativekeychain",
        r"failedtogetcredentials",
    ],
)];

/// What registries and their clients say of credentials and of nothing else.
pub(super) const TOLD: &[Rule] = &[
    Rule::new(
        Auth,
        &[
            r"nobasicauthcredentials|nouser/passwordwasprovidedforbasicauth",
            r"incorrectauthenticationcredentials|logintodockerhuberror.*expired",
            r"pullaccess(?:is)?denied",
            r"requestedaccesstotheresourceisdenied",
            r"insufficient_?scope|noscopespecifiedfortokenauth",
            r"yourauthorizationtokenhasexpired|authorizationtokenhasexpired",
            r"incorrectusernameorpassword",
            r"invalidusername/password",
            r"accesstotherequestedresourceisnotauthorized",
            r"unabletoretrieve(?:someimage)?pullsecret",
            r"failedtoretrieveimagepullsecret",
            r"personalaccesstoken(?:is)?(?:expired|invalid|required)",
            r"artifactregistry\.repositories\.downloadartifacts",
            r"notauthorizedtoperform:ecr",
            r"authorizationstatus:?40[13]",
            r"aka\.ms/acr/(?:authorization|firewall|errors#unauthorized)",
            r"unauthorizedtoaccessrepository",
            r"tokenexchangefailed",
            r"cannotperformaninteractivelogin",
            r"(?:unabletoretrieve|unabletogetregistryauth).*accessdenied",
            r"pullcommandfailed.*accessdenied",
            r"ecr:(?:getauthorizationtoken|batchgetimage|getdownloadurlforlayer)",
            r"denied:denied",
            // Docker Desktop, of an organization that asks for it; Nomad; the runners and actions of GitHub.
            r"signintocontinueusingdockerdesktop",
            r"failedtofinddockerauthforrepo",
            r"dockerloginfor[\x22'][^\x22']+[\x22']failed",
            r"error:usernameandpasswordrequired(?:$|[\x22'}\\])",
            r"denied:(?:installationnotallowed|permission_denied|permission\x22artifactregistry|thetoken|youmaynot)",
            r"unauthorized:youraccountmustlogin|unauthorized:youdon'thavetheneededpermissions",
            r"docker>authenticationisrequired|makesureyourcredentialsfor",
            r"(?:unrecognizedclientexception|expiredtoken|invalidclienttokenid|invalidsignatureexception).*getauthorizationtoken",
            r"unauthorized:(?:authenticationrequired|incorrectusername|accesstotherequested|pleaselogin)",
        ],
    ),
    // Clusters and shops say so, too.
    Rule::new(
        Auth,
        &[r"notloggedin|pleaselogin|mustbeloggedin|loginrequired|requireslogin|musthaveavalidlogin"],
    )
    .within(&[Context::Pull]),
];

pub(super) const RULES: &[Rule] = &[
    // Why is told behind it, if at all.
    Rule::new(
        Auth,
        &[r"credential(?:helper|provider|store).*(?:failed|error|notfound|missing)"],
    )
    .uncertain(),
    Rule::new(
        Auth,
        &[
            r"unauthorized",
            r"403forbidden",
            r#"(?:^|[^n])denied(?::|$|["'}])"#,
            r"40[13]\((?:forbidden|unauthorized)",
            r"isnotaccessible\.?pleasecheck",
            r"verifythatitexistsandyouhavepermission",
            r"status40[13]trying",
            r"musthavepermissiontoreadtheimage",
            r"accessdenied|accessisdenied|accesstotheresourceisdenied|accessforbidden",
            r"permission_denied|permissiondenied:(?:read|the)",
            r"authenticationrequired|authenticationfailed|authfailed|authenticationisrequired",
            r"invalidcredentials|badcredentials|wrongcredentials|credentialshaveexpired|credentialsareinvalid",
            r"notauthorized|noauthorized|nopermission|insufficientpermission",
            r"forbidden",
            r"tokenhasexpired|tokenisexpired|expiredtoken|expiredtokenexception|invalidtoken|invalid_grant",
            r"unauthenticatedrequest",
            r"accessdeniedexception",
            r"httpbasic:accessdenied",
            r"couldnotfindcredentials|missingcredentials|nocredentialproviders",
        ],
    )
    .within(&[Context::Pull])
    .unless(&[Context::Local, Context::Challenge]),
    Rule::new(
        Auth,
        &[
            // "Ping https://registry/v2/ status 401" is how each login begins.
            r"(?:^|[^/])(?:status|statuscode|code|http|response|error|returned|received|got)[a-z]{0,12}[\x22':=(\[]{0,4}40[13](?:[^0-9.]|\.[^0-9]|\.?$)",
        ],
    )
    .within(&[Context::Pull])
    .unless(&[Context::Local, Context::Challenge]),
    // What did not work, before the reason: alone it is most often a refusal.
    Rule::new(
        Auth,
        &[
            r"unabletoretrieveauthtoken",
            r"nocredentials(?:$|[^a-z]|found|provided|available|were|in|could|server|configured)",
            r"failedtofetch(?:anonymous|oauth)token\.?(?:$|[\x22'}])",
        ],
    )
    .asked()
    .uncertain(),
    Rule::new(
        NotFound,
        &[
            // An unknown field of a manifest is no unknown manifest.
            r"manifest_?unknown(?:$|[^f]|f[^i])",
            r"manifestfor.+notfound",
            r"manifesttaggedby",
            r"name_?unknown",
            r"nomatchingmanifest",
            r"nomatchforplatforminmanifest|nomatchforplatform",
            r"noimagefoundin(?:manifestlist|imageindex)",
            r"doesnotexistornopullaccess",
            r"repositorynotfoundexception|imagenotfoundexception",
            r"therepositorywithname",
            r"wasfoundbutdoesnotmatchthespecifiedplatform|wasfoundbutitsplatform",
            r"doesnotprovidethespecifiedplatform|doesnotprovideanyplatform",
            r"imagedoesnotexist|cannotpullcontainererror:(?:error:)?imagenotfound",
            r"(?:imagenotfound(?:exception)?|404clienterror|status(?:code)?[:=]?(?:404|notfound)|httpcode404).*nosuchimage",
            r"nosuchmanifest|yourv2imagecouldnotbefound",
            r"unsupportedplatform.*manifest",
            r"nochildwithplatform|doesnotcontaindescriptormatchingplatform",
            r"imageoperatingsystem.*cannotbeusedonthisplatform",
            r"error:image[a-z0-9._/-]+(?::[a-z0-9._-]+)?notfound|fata\[[0-9]+\][a-z0-9./-]+:[a-z0-9._-]+:notfound",
            r"imagestreamtags?(?:\.image\.openshift\.io)?\x22[^\x22]+\x22notfound",
            r"project[a-z0-9._-]+notfound:project|invalidrun-image.*notfound",
            r"imagefortheserviceyou'retryingtorecreatehasbeenremoved",
            r"could(?:not|n't)findimage[\x22'`]|notfoundinlocalstorage",
            // Harbor's, also without its code.
            r"artifact[a-z0-9._-]+/[a-z0-9._/-]+[:@][a-z0-9._:-]+notfound",
        ],
    ),
    Rule::new(
        NotFound,
        &[
            r"code=notfound",
            r":notfound(?:$|[^a-z])",
            r"notfound$",
            r"404notfound|404\(notfound",
            r"(?:artifact|repository|image|chart|tag|project|manifest|digest|blob|reference).+(?:notfound(?:$|[^o]|o[^n]|on[^t])|doesn'texist|doesnotexist)",
            r"(?:couldnot|couldn't|unableto)findimage.*(?:inregistry|onregistry|remote)",
        ],
    )
    .asked(),
    // Behind the number may stand what was refused: it was cut, or wrapped.
    Rule::new(
        NotFound,
        &[
            r"(?:status|statuscode|code|http|response|error|returned|received|got)[a-z]{0,12}[\x22':=(\[]{0,4}404(?:[^0-9.]|\.[^0-9]|\.?$)",
        ],
    )
    .asked()
    .uncertain(),
    // What the kubelet of old guessed, before it told.
    Rule::new(Auth, &[r"nocredentialsonthisrequest"])
        .asked()
        .uncertain(),
];
