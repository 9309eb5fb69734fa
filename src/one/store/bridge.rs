//! The hosts of a datastore that reach Ceph.

use super::origin::Origin;
use crate::Result;
use crate::job::Job;
use crate::one::Remote;
use crate::one::act::JOB_DEADLINE;
use crate::one::call::Node;
use crate::one::document::Datastore;

/// Does a job on one of them. Which is asked first goes by turns, so that the work is spread.
pub(super) fn run(
    datastore: &Datastore,
    turn: u32,
    job: &Job,
    origin: Option<&Origin>,
) -> Result<(Node, serde_json::Value)> {
    let nodes = in_turn(&datastore.bridges, turn);
    let data = || {
        let open = |origin: &Origin| origin.open(datastore.bandwidth);
        origin.map(open).transpose()
    };
    let (node, said) = Remote::new(JOB_DEADLINE).run_on_any(&nodes, job, &data)?;
    Ok((node.clone(), said))
}

/// All of them, beginning with the one whose turn it is.
fn in_turn(nodes: &[Node], turn: u32) -> Vec<&Node> {
    let first = (turn as usize).checked_rem(nodes.len()).unwrap_or(0);
    let (before, after) = nodes.split_at(first);
    after.iter().chain(before).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bridges_take_turns() {
        let nodes: Vec<Node> = ["a", "b", "c"].map(|name| name.parse().unwrap()).into();
        let order = |turn| {
            let nodes = in_turn(&nodes, turn);
            nodes.iter().map(|node| node.as_str()).collect::<String>()
        };
        assert_eq!([order(0), order(4), order(u32::MAX)], ["abc", "bca", "abc"]);
        assert!(in_turn(&[], 7).is_empty());
    }
}
