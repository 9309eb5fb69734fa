use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread;

use super::*;

/// Answers one call, and gives back what was asked.
fn serve(status: &'static str, body: impl Into<Vec<u8>>) -> (String, thread::JoinHandle<String>) {
    serve_after(0, status, body)
}

/// The same, once it has hung up so many times: before a word was said, and after the question.
fn serve_after(
    hang_ups: usize,
    status: &'static str,
    body: impl Into<Vec<u8>>,
) -> (String, thread::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}/RPC2", listener.local_addr().unwrap());
    let body = body.into();
    let server = thread::spawn(move || {
        for time in 0..hang_ups {
            let (mut stream, _) = listener.accept().unwrap();
            if time % 2 == 1 {
                call(&mut stream);
            }
        }
        let (mut stream, _) = listener.accept().unwrap();
        let asked = call(&mut stream);
        write!(stream, "HTTP/1.1 {status}\r\nContent-Type: text/xml\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len())
            .unwrap();
        stream.write_all(&body).unwrap();
        asked
    });
    (endpoint, server)
}

fn call(stream: &mut std::net::TcpStream) -> String {
    let mut asked = Vec::new();
    let mut chunk = [0; 4096];
    while !String::from_utf8_lossy(&asked).contains("</methodCall>") {
        let len = stream.read(&mut chunk).unwrap();
        assert_ne!(len, 0, "the call ends too early");
        asked.extend_from_slice(&chunk[..len]);
    }
    String::from_utf8_lossy(&asked).into_owned()
}

fn answer(success: u8, said: &str, code: u32) -> String {
    format!(
        "<?xml version=\"1.0\"?><methodResponse><params><param><value><array><data><value><boolean>{success}</boolean></value>\
         <value><string>{}</string></value><value><i4>{code}</i4></value></data></array></value></param></params></methodResponse>",
        escape(said)
    )
}

fn oned(endpoint: String) -> (tempfile::TempDir, Oned) {
    let home = tempfile::tempdir().unwrap();
    std::fs::create_dir(home.path().join(".one")).unwrap();
    crate::sys::atomic::write(&home.path().join(".one/one_auth"), b"oneadmin:a<b&c\n").unwrap();
    let around = Surroundings {
        endpoint: Some(endpoint),
        home: Some(home.path().to_owned()),
        ..Surroundings::default()
    };
    let oned = Oned::find(&around);
    (home, oned)
}

#[test]
fn a_vm_is_asked_for() {
    let (endpoint, server) = serve("200 OK", answer(1, "<VM><ID>12</ID><TEMPLATE/></VM>", 0));
    let (_home, oned) = oned(endpoint);
    assert_eq!(oned.vm(VmId(12)).unwrap().id, VmId(12));
    let asked = server.join().unwrap();
    assert!(asked.contains("<methodName>one.vm.info</methodName>"));
    assert!(asked.contains("<string>oneadmin:a&lt;b&amp;c</string>"));
    assert!(asked.contains("<i4>12</i4>"));
    assert!(!format!("{oned:?}").contains("oneadmin"));
}

#[test]
fn an_oned_that_hangs_up_is_asked_again() {
    let vm = || answer(1, "<VM><ID>12</ID><TEMPLATE/></VM>", 0);
    let (endpoint, server) = serve_after(2, "200 OK", vm());
    assert_eq!(oned(endpoint).1.vm(VmId(12)).unwrap().id, VmId(12));
    server.join().unwrap();
    // Not for ever.
    let (endpoint, server) = serve_after(3, "200 OK", vm());
    let (_home, oned) = oned(endpoint);
    assert!(oned.vm(VmId(12)).is_err());
    oned.vm(VmId(12)).unwrap();
    server.join().unwrap();
}

/// What it thinks about is not asked once more: it has enough to do.
#[test]
fn only_a_connection_that_broke_is_made_again() {
    let io = |kind| ureq::Error::Io(std::io::Error::from(kind));
    assert!(is_hung_up(&io(std::io::ErrorKind::ConnectionRefused)));
    for other in [
        io(std::io::ErrorKind::TimedOut),
        ureq::Error::Timeout(ureq::Timeout::Global),
        ureq::Error::StatusCode(500),
    ] {
        assert!(!is_hung_up(&other), "{other}");
    }
}

#[test]
fn what_oned_refuses_is_told() {
    let said = "[one.vm.info] Error getting virtual machine [12].";
    let (endpoint, server) = serve("200 OK", answer(0, said, 0x0400));
    let error = oned(endpoint).1.vm(VmId(12)).unwrap_err();
    assert!(error.chain().contains(said), "{}", error.chain());
    assert_eq!(error.kind(), Kind::NotFound);
    server.join().unwrap();
    let (endpoint, server) = serve("200 OK", answer(0, "not logged in", 0x0100));
    let error = oned(endpoint).1.vm(VmId(12)).unwrap_err();
    assert!(error.remedy_text().unwrap().contains("one_auth"));
    assert!(!error.chain().contains("a<b"));
    server.join().unwrap();
}

/// What is answered, or how it ends; the words that the user has to read.
fn told(status: &'static str, body: impl Into<Vec<u8>>) -> (Kind, String) {
    let (endpoint, server) = serve(status, body);
    let error = oned(endpoint).1.vm(VmId(12)).unwrap_err();
    server.join().unwrap();
    let remedy = error.remedy_text().expect("a remedy");
    (error.kind(), format!("{}; {remedy}", error.chain()))
}

#[test]
fn every_refusal_says_what_to_do() {
    for (code, kind, words) in [
        (0x0100, Kind::Failed, "one_auth"),
        (0x0200, Kind::Failed, "oneadmin's credentials"),
        (0x0400, Kind::NotFound, "another OpenNebula"),
        (0x0800, Kind::Failed, "oned.log"),
        (0x1000, Kind::Failed, "oned.log"),
        (0x2000, Kind::Failed, "oned.log"),
    ] {
        let (is, told) = told("200 OK", answer(0, "so it is", code));
        assert!(is == kind && told.contains("so it is"), "{code:#x}: {told}");
        assert!(told.contains(words), "{code:#x}: {told}");
    }
    let fault = "<?xml version=\"1.0\"?><methodResponse><fault><value><struct><member><name>faultCode</name><value><int>-506</int>\
        </value></member><member><name>faultString</name><value><string>Method 'one.vm.info' not defined</string></value></member>\
        </struct></value></fault></methodResponse>";
    let (_, told) = told("200 OK", fault);
    assert!(
        told.contains("not defined") && told.contains("oned.log"),
        "{told}"
    );
}

#[test]
fn what_is_not_oned_is_told() {
    let page = "<html><body><p>Log in<br></body></html>";
    for (status, body, words) in [
        ("200 OK", page, ["is no XML-RPC", "proxy"]),
        ("200 OK", "", ["is no XML-RPC", "ONE_XMLRPC"]),
        (
            "200 OK",
            "<methodResponse><params>",
            ["cannot be understood", "ONE_XMLRPC"],
        ),
        ("502 Bad Gateway", page, ["HTTP 502", "proxy"]),
        ("500 Oops", "", ["HTTP 500", "oned.log"]),
    ] {
        let (kind, told) = told(status, body);
        assert_eq!(kind, Kind::Failed);
        assert!(words.iter().all(|word| told.contains(word)), "{told}");
        assert!(!told.contains("Log in"), "{told}");
    }
    let error = oned("http://127.0.0.1:1/RPC2".into())
        .1
        .vm(VmId(1))
        .unwrap_err();
    assert!(error.remedy_text().unwrap().contains("ONE_XMLRPC"));
}

#[test]
fn a_document_need_not_be_utf8() {
    let user = "<VM><ID>12</ID><TEMPLATE/><USER_TEMPLATE><WHO>?</WHO></USER_TEMPLATE></VM>";
    let mut body = answer(1, user, 0).into_bytes();
    let at = body.iter().rposition(|byte| *byte == b'?').unwrap();
    // Latin-1.
    body[at] = 0xe9;
    let (endpoint, server) = serve("200 OK", body);
    let (_home, oned) = oned(endpoint);
    assert_eq!(oned.vm(VmId(12)).unwrap().id, VmId(12));
    server.join().unwrap();
}

#[test]
fn without_credentials_nothing_is_asked() {
    let around = Surroundings {
        endpoint: Some("http://127.0.0.1:1/RPC2".into()),
        var: "/nonexistent".into(),
        ..Surroundings::default()
    };
    let error = Oned::find(&around).vm(VmId(1)).unwrap_err();
    assert!(
        error.chain().contains("/nonexistent/.one/one_auth"),
        "{}",
        error.chain()
    );
}
