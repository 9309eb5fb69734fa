//! oned's XML-RPC: one question, one answer (contract, 2.4).

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::document::{self, Datastore, Vm};
use super::{DatastoreId, HostId, ImageNumber, Tree, VmId};
use crate::sys::wait;
use crate::{Context, Error, Kind, Result};

/// How long oned may take; its own CLI waits longer, but a driver holds one of fifteen places meanwhile.
const DEADLINE: Duration = Duration::from_secs(30);

/// The pauses after which oned is asked again when it hung up.
const PAUSES: [Duration; 2] = match cfg!(test) {
    true => [Duration::ZERO; 2],
    false => [Duration::from_secs(1), Duration::from_secs(3)],
};

/// No answer is nearly as long.
const LIMIT: u64 = 64 << 20;

/// Where oned answers, and as whom we ask.
pub struct Oned {
    endpoint: String,
    /// `user:password`. Read when something is asked and not before; shown nowhere.
    auth: PathBuf,
}

impl std::fmt::Debug for Oned {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Oned({})", self.endpoint)
    }
}

/// Where settings of oned's clients may stand.
#[derive(Debug, Clone, Default)]
pub struct Surroundings {
    /// `ONE_XMLRPC`
    pub endpoint: Option<String>,
    /// `ONE_AUTH`
    pub auth: Option<PathBuf>,
    /// `HOME`
    pub home: Option<PathBuf>,
    /// `/var/lib/one`, or `$ONE_LOCATION/var`
    pub var: PathBuf,
    /// `/etc/one`, or `$ONE_LOCATION/etc`
    pub etc: PathBuf,
}

impl Surroundings {
    /// What this process's environment says, and the tree.
    pub fn of(tree: &Tree) -> Self {
        let var = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
        Self {
            endpoint: var("ONE_XMLRPC").map(|value| value.to_string_lossy().into_owned()),
            auth: var("ONE_AUTH").map(PathBuf::from),
            home: var("HOME").map(PathBuf::from),
            var: tree.var.clone(),
            etc: tree.etc.clone(),
        }
    }
}

impl Oned {
    /// Finds oned as its own clients do: what the environment says, what stands in the home directory, in oneadmin's, or
    /// the usual port on this machine.
    pub fn find(around: &Surroundings) -> Self {
        let homes = [around.home.as_deref(), Some(around.var.as_path())];
        let file = |name: &str| {
            homes
                .iter()
                .flatten()
                .map(|home| home.join(".one").join(name))
                .find(|path| path.exists())
        };
        let stored = || file("one_endpoint").and_then(|path| std::fs::read_to_string(path).ok());
        let endpoint = around
            .endpoint
            .clone()
            .or_else(stored)
            .map(|text| text.trim().to_owned());
        Self {
            endpoint: endpoint
                .filter(|text| !text.is_empty())
                .unwrap_or_else(|| "http://localhost:2633/RPC2".to_owned()),
            auth: around
                .auth
                .clone()
                .or_else(|| file("one_auth"))
                .unwrap_or_else(|| around.var.join(".one/one_auth")),
        }
    }

    /// A VM. Implements `one.vm.info`.
    pub fn vm(&self, id: VmId) -> Result<Vm> {
        Vm::parse(&self.vm_document(id)?)
    }

    /// A VM, as oned's document. Implements `one.vm.info`.
    pub fn vm_document(&self, id: VmId) -> Result<String> {
        let document = self.ask("one.vm.info", id.0);
        document.context(|| format!("cannot ask oned for VM {id}"))
    }

    /// An image, as oned's document. Implements `one.image.info`.
    pub fn image_document(&self, id: ImageNumber) -> Result<String> {
        let document = self.ask("one.image.info", id.0);
        document.context(|| format!("cannot ask oned for image {id}"))
    }

    /// A datastore, as oned's document, with what is secret of it in the clear. Implements `one.datastore.info`.
    pub fn datastore_document(&self, id: DatastoreId) -> Result<String> {
        let session = session(&self.auth)?;
        let request = request("one.datastore.info", &session, &[i64::from(id.0)], true);
        let document = self.post(&request).and_then(|answer| read(&answer));
        document.context(|| format!("cannot ask oned for datastore {id}"))
    }

    /// A datastore. Implements `one.datastore.info`.
    pub fn datastore(&self, id: DatastoreId) -> Result<Datastore> {
        let document = self.ask("one.datastore.info", id.0);
        Datastore::parse(&document.context(|| format!("cannot ask oned for datastore {id}"))?)
    }

    /// Whether a host may be alive for all that oned knows; one that it has no more is not. Implements `one.host.info`.
    pub fn host_may_live(&self, id: HostId) -> Result<bool> {
        match self.ask("one.host.info", id.0) {
            Ok(document) => document::may_live(&document),
            Err(error) if error.kind() == Kind::NotFound => Ok(false),
            Err(error) => Err(error).context(|| format!("cannot ask oned for host {id}")),
        }
    }

    /// All datastores, as oned's document. Implements `one.datastorepool.info`.
    pub fn datastores(&self) -> Result<String> {
        let document = self.call("one.datastorepool.info", None);
        document.context(|| "cannot ask oned for its datastores".into())
    }

    /// All images, of whomever, as oned's document. Implements `one.imagepool.info`.
    pub fn images(&self) -> Result<String> {
        let session = session(&self.auth)?;
        // Everybody's, from the first to the last.
        let request = request("one.imagepool.info", &session, &[-2, -1, -1], false);
        let document = self.post(&request).and_then(|answer| read(&answer));
        document.context(|| "cannot ask oned for its images".into())
    }

    /// All hosts, as oned's document. Implements `one.hostpool.info`.
    pub fn hosts(&self) -> Result<String> {
        let document = self.call("one.hostpool.info", None);
        document.context(|| "cannot ask oned for its hosts".into())
    }

    fn ask(&self, method: &str, id: u32) -> Result<String> {
        self.call(method, Some(id))
    }

    fn call(&self, method: &str, id: Option<u32>) -> Result<String> {
        let session = session(&self.auth)?;
        let id: Vec<i64> = id.map(i64::from).into_iter().collect();
        let answer = self.post(&request(method, &session, &id, false))?;
        read(&answer)
    }

    /// What oned answers. One that is busy for a moment, its queue of callers full, is asked again: every question only reads.
    fn post(&self, body: &str) -> Result<String> {
        let mut said = self.post_once(body);
        for pause in PAUSES {
            match &said {
                Err(error) if is_hung_up(error) => tracing::debug!("oned: {error}; asking again"),
                _ => break,
            }
            let _over = wait::poll(pause, || None::<()>);
            said = self.post_once(body);
        }
        said.map_err(|error| self.unanswered(error))
    }

    /// Why there is no answer: nobody is there, or whoever is has only a status to say.
    fn unanswered(&self, error: ureq::Error) -> Error {
        let endpoint = &self.endpoint;
        let (message, remedy) = match error {
            ureq::Error::StatusCode(status) => (
                format!("what answers at {endpoint} says HTTP {status} and nothing else"),
                "if that is oned, its log oned.log says why; if it is a proxy or another server, set ONE_XMLRPC or \
                 ~/.one/one_endpoint to oned itself, http://HOST:2633/RPC2",
            ),
            _ => (
                format!("oned does not answer at {endpoint}"),
                "is it running there? ONE_XMLRPC and ~/.one/one_endpoint say where it is looked for",
            ),
        };
        Error::new(Kind::Failed, message)
            .because(error)
            .remedy(remedy)
    }

    fn post_once(&self, body: &str) -> Result<String, ureq::Error> {
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .timeout_global(Some(DEADLINE))
            .proxy(None)
            .build()
            .into();
        let mut answer = agent
            .post(&self.endpoint)
            .content_type("text/xml")
            .send(body)?;
        answer
            .body_mut()
            .with_config()
            .limit(LIMIT)
            // What users write into templates need not be UTF-8.
            .lossy_utf8(true)
            .read_to_string()
    }
}

/// Whether the connection was refused or broke, rather than that oned thinks for too long.
fn is_hung_up(error: &ureq::Error) -> bool {
    use std::io::ErrorKind;
    match error {
        ureq::Error::ConnectionFailed => true,
        ureq::Error::Io(error) => matches!(
            error.kind(),
            ErrorKind::ConnectionRefused
                | ErrorKind::ConnectionReset
                | ErrorKind::ConnectionAborted
                | ErrorKind::BrokenPipe
                | ErrorKind::UnexpectedEof
        ),
        _ => false,
    }
}

fn session(auth: &Path) -> Result<String> {
    let text = std::fs::read_to_string(auth);
    let text = text.map_err(|error| {
        Error::new(
            Kind::Missing,
            format!("cannot read oned's credentials in {}", auth.display()),
        )
        .because(error)
        .remedy("drivers run as oneadmin, whose file that is; ONE_AUTH names another one")
    })?;
    Ok(text.trim_end().to_owned())
}

/// The call, with everything escaped; `decrypt` asks for secrets in the clear.
fn request(method: &str, session: &str, numbers: &[i64], decrypt: bool) -> String {
    let number = |number: &i64| format!("<param><value><i4>{number}</i4></value></param>");
    let numbers: String = numbers.iter().map(number).collect();
    let decrypt = match decrypt {
        true => "<param><value><boolean>1</boolean></value></param>",
        false => "",
    };
    format!(
        "<?xml version=\"1.0\"?><methodCall><methodName>{method}</methodName><params>\
         <param><value><string>{}</string></value></param>{numbers}{decrypt}</params></methodCall>",
        escape(session)
    )
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

/// Reads `[bool, string, code]`: the document, or what oned says instead.
fn read(answer: &str) -> Result<String> {
    let odd = |why: &str| {
        Error::new(
            Kind::Failed,
            format!("what oned answers cannot be understood: {why}"),
        )
        .remedy("does ONE_XMLRPC name oned's XML-RPC, which ends with /RPC2, and is there no proxy before it?")
    };
    // A proxy's page is often not even XML, and what is wrong with it as such is of no interest.
    if !answer.contains("<methodResponse") {
        return Err(odd("it is no XML-RPC"));
    }
    let document =
        roxmltree::Document::parse(answer.trim_start()).map_err(|error| odd(&error.to_string()))?;
    let fault = document
        .descendants()
        .find(|node| node.has_tag_name("fault"));
    if let Some(fault) = fault {
        let said = fault.descendants().filter_map(|node| node.text());
        let said: Vec<&str> = said.flat_map(str::split_whitespace).collect();
        return Err(refused(&said.join(" "), None));
    }
    let values: Vec<_> = document
        .descendants()
        .filter(|node| node.has_tag_name("value"))
        .filter(|node| node.ancestors().any(|above| above.has_tag_name("array")))
        .collect();
    let [success, said, ..] = values.as_slice() else {
        return Err(odd("it is no array"));
    };
    let of = |node: &roxmltree::Node<'_, '_>| {
        let inner = node.first_element_child().unwrap_or(*node);
        inner.text().unwrap_or_default().to_owned()
    };
    match of(success).trim() {
        "1" | "true" => Ok(of(said)),
        "0" | "false" => {
            let code = values
                .get(2)
                .map(of)
                .and_then(|code| code.trim().parse().ok());
            Err(refused(&of(said), code))
        }
        other => Err(odd(&format!("it begins with {other:?}"))),
    }
}

/// oned's error codes (contract, 9.1).
fn refused(said: &str, code: Option<u32>) -> Error {
    let kind = match code {
        Some(0x0400) => Kind::NotFound,
        _ => Kind::Failed,
    };
    Error::new(kind, format!("oned refuses: {}", said.trim())).remedy(match code {
        Some(0x0100) => "the credentials in one_auth are not oned's; ONE_AUTH names another file",
        Some(0x0200) => "drivers need oneadmin's credentials: is ONE_AUTH another user's?",
        Some(0x0400) => {
            "it was removed, or ONE_XMLRPC or ~/.one/one_endpoint names the oned of another OpenNebula"
        }
        _ => "oned's log oned.log says more; if it was overloaded for a moment, try again",
    })
}

#[cfg(test)]
mod tests;
