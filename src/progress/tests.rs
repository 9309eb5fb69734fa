use std::sync::Arc;

use super::*;

/// What a JSON sink wrote.
#[derive(Clone, Default)]
struct Out(Arc<Mutex<Vec<u8>>>);

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Out {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
    fn lines(&self) -> Vec<ProgressLine> {
        let text = self.text();
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }
}

#[test]
fn the_first_and_the_last_line_are_always_written() {
    let out = Out::default();
    Progress::json(out.clone()).start("seed", Bytes(0)).finish();
    let states: Vec<_> = out.lines().iter().map(|line| line.state).collect();
    assert_eq!(states, [ProgressState::Started, ProgressState::Finished]);
}

#[test]
fn a_job_that_is_dropped_was_stopped() {
    let out = Out::default();
    let progress = Progress::json(out.clone());
    let task = progress.start("seed", Bytes(10));
    task.advance(Bytes(4));
    drop(task);
    let lines = out.lines();
    let last = lines.last().unwrap();
    assert_eq!((last.state, last.done), (ProgressState::Stopped, Bytes(4)));
}

#[test]
fn lines_come_at_most_five_times_a_second() {
    let out = Out::default();
    let progress = Progress::json(out.clone());
    let task = progress.start("seed", Bytes(1000));
    for step in 1..=1000 {
        let now = task.started + Duration::from_millis(step);
        task.advance_at(Bytes(1), now);
    }
    task.finish();
    let lines = out.lines();
    assert_eq!(lines.len(), 1 + 5 + 1, "{}", out.text());
    assert_eq!(lines.last().map(|line| line.done), Some(Bytes(1000)));
    assert!(lines.is_sorted_by_key(|line| line.done));
}

#[test]
fn a_line_reads_as_documented() {
    let out = Out::default();
    let progress = Progress::json(out.clone());
    let task = progress.start("seed", Bytes(4096));
    task.advance_at(Bytes(1024), task.started + Duration::from_secs(1));
    drop(task);
    let lines = out.text();
    let mut lines = lines.lines();
    assert_eq!(
        lines.next(),
        Some(
            r#"{"progress":1,"what":"seed","state":"started","done":0,"total":4096,"rate_bytes_s":0}"#
        )
    );
    assert_eq!(
        lines.next(),
        Some(
            r#"{"progress":1,"what":"seed","state":"running","done":1024,"total":4096,"rate_bytes_s":1024,"eta_s":3}"#
        )
    );
}

#[test]
fn nobody_knows_how_long_a_job_with_holes_takes() {
    let out = Out::default();
    let progress = Progress::json(out.clone());
    let task = progress.start_sparse("import", Bytes(4096));
    task.advance_at(Bytes(1024), task.started + Duration::from_secs(1));
    drop(task);
    let lines = out.lines();
    assert!(lines.iter().any(|line| line.rate_bytes_s > Bytes(0)));
    assert!(lines.iter().all(|line| line.eta_s.is_none()), "{lines:?}");
}

#[test]
fn the_schema_names_what_a_line_has() {
    let schema = schemars::schema_for!(ProgressLine).to_value();
    let line = ProgressLine {
        progress: VERSION,
        what: "seed".into(),
        state: ProgressState::Running,
        done: Bytes(1),
        total: Bytes(2),
        rate_bytes_s: Bytes(1),
        eta_s: Some(1),
    };
    let line = serde_json::to_value(line).unwrap();
    for field in line.as_object().unwrap().keys() {
        assert!(
            schema["properties"].get(field).is_some(),
            "{field} is not in {schema}"
        );
    }
}

#[test]
fn modes_read_back() {
    for mode in ProgressMode::ALL {
        assert_eq!(mode.to_string().parse(), Ok(mode));
    }
    assert!("loud".parse::<ProgressMode>().is_err());
}
