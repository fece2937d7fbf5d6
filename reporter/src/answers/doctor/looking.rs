//! What the reporter's part looks at, and by what.

use std::path::Path;

use hickory_proto::rr::{RData, RecordType};
use tlsrptd_config::{option::Program, reportd::Reportd};

use super::{access::Account, finding::Finding, host::HostPrograms};
use crate::{
    deliver::{RelayAnswer, RelayTrouble},
    dns::DnsAnswer,
};

/// Whose eyes look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Viewer {
    /// The service's user.
    Service,
    /// Somebody else: what they may not do says nothing of the service.
    Bystander,
}

/// What the checks of the reporter's part share.
pub(crate) struct Looking<'a> {
    /// The reporter's settings; what is missing or wrong there is empty or at its default.
    pub(crate) settings: &'a Reportd,
    /// The file that they are from.
    pub(crate) config_file: Option<&'a Path>,
    /// Who looks.
    pub(crate) account: Account,
    /// As whom.
    pub(crate) viewer: Viewer,
    /// Programs of this host.
    pub(crate) host: &'a dyn HostPrograms,
    /// Name servers.
    pub(crate) names: &'a dyn Names,
    /// Collectors and the relay.
    pub(crate) environment: &'a dyn DoctorEnvironment,
}

impl Looking<'_> {
    /// A lack of rights: a failure of the service's, and of nobody else's.
    pub(super) fn lack_of_rights(
        &self,
        area: &str,
        finding: String,
        remedy: impl FnOnce() -> String,
    ) -> Finding {
        match self.viewer {
            Viewer::Service => Finding::fail(area, finding, remedy()),
            Viewer::Bystander => {
                let name = &self.account.name;
                let finding =
                    format!("{finding}, by {name}; the service's user may see it otherwise");
                Finding::unknown(area, finding, "sudo tlsrptctl doctor")
            }
        }
    }

    /// A line of the configuration, as a remedy.
    pub(super) fn set(&self, line: &str) -> String {
        let file = self
            .config_file
            .unwrap_or(Path::new(Program::Reportd.default_file()));
        format!("in {}: {line}", file.display())
    }
}

/// The name servers that the reporter asks.
pub(crate) trait Names {
    /// Asks for records, by an absolute name.
    ///
    /// # Errors
    /// When no server answers, with what each did.
    fn ask(&self, name: &str, kind: RecordType) -> Result<DnsAnswer, String>;

    /// Asks each server by itself for a name that does not exist, and then over TCP.
    fn servers(&self) -> Vec<ServerState>;
}

/// How one name server is.
#[derive(Clone, Debug)]
pub(crate) struct ServerState {
    /// Its address and port.
    pub(crate) address: String,
    /// Its answer for a name that does not exist.
    pub(crate) udp: Result<DnsAnswer, String>,
    /// The same over TCP; `None`: not asked.
    pub(crate) tcp: Option<Result<DnsAnswer, String>>,
}

/// Whom the reporter talks to.
pub(crate) trait DoctorEnvironment {
    /// Makes each fetcher's test call.
    fn probe(&self, commands: &[&str]) -> Vec<Result<(), String>>;

    /// Does what a mail to this address would do, up to the recipient, and takes it back. `None`: there is no relay to ask.
    fn rehearse(&self, settings: &Reportd) -> Option<Result<RelayAnswer, RelayTrouble>>;
}

/// The texts of a name's TXT records.
pub(crate) fn texts(answer: &DnsAnswer) -> Vec<String> {
    let DnsAnswer::Records(records) = answer else {
        return Vec::new();
    };
    let joined = |record: &RData| match record {
        RData::TXT(txt) => Some(String::from_utf8_lossy(&txt.txt_data.concat()).into_owned()),
        _ => None,
    };
    records.iter().filter_map(joined).collect()
}
