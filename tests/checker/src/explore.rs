//! A breadth-first search of all reachable states for one that breaks a property.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use domain::delivery::record::RecordStatus;
use indexmap::IndexSet;
use rustc_hash::{FxBuildHasher, FxHashMap, FxHashSet};

use crate::action::{Action, Operation, Process};
use crate::config::{Begin, Config};
use crate::machine::Machine;
use crate::mutant::Mutant;
use crate::orderly::{Environment, all_lost, orderly};
use crate::property::{Property, broken_by_state};
use crate::records::RecordId;
use crate::state::{Claims, Client, ErasureState, QueueChange, QueueState, Reader, Sender, State, Telling};
use crate::steps::{Steps, steps};
use crate::told::row;

/// The result of an exploration.
#[derive(Debug)]
pub struct Report {
    /// Distinct states.
    pub states: usize,
    /// Steps between them.
    pub steps: u64,
    /// Distinct records in them.
    pub records: usize,
    /// The largest distance of a state from the first one.
    pub depth: usize,
    /// The number of times that each kind of action was possible.
    pub actions: BTreeMap<String, u64>,
    /// The transitions, each with the function that made it.
    pub edges: BTreeSet<(&'static str, String)>,
    /// The events of webhooks for each change of the record ([`crate::told`]).
    pub told: BTreeSet<String>,
    /// A broken property, and the shortest path to it.
    pub broken: Option<Counterexample>,
}

/// A path to a broken property.
#[derive(Debug)]
pub struct Counterexample {
    /// The property.
    pub property: Property,
    /// The actions of the path, in order.
    pub way: Vec<Action>,
    /// The record at the end, in words.
    pub record: String,
}

/// The predecessor of a state, and the action between them.
#[derive(Debug, Clone, Copy)]
struct Origin {
    from: u32,
    by: Action,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            states,
            steps,
            records,
            depth,
            ..
        } = self;
        write!(
            f,
            "{states} distinct states, {steps} steps between them, {records} records, at most {depth} steps deep"
        )?;
        match &self.broken {
            Some(broken) => write!(f, "\nBROKEN: {broken}"),
            None => write!(f, "; no invariant is broken"),
        }
    }
}

impl fmt::Display for Counterexample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n      by this path:", self.property.violation())?;
        for (at, action) in self.way.iter().enumerate() {
            writeln!(f, "{:4}. {action}", at + 1)?;
        }
        write!(f, "      {}", self.record)
    }
}

struct Explorer {
    machine: Machine,
    known: IndexSet<State, FxBuildHasher>,
    origins: Vec<Origin>,
    depths: Vec<u8>,
}

/// Explores a configuration; with a mutant, the machine has its mistake.
#[must_use]
pub fn explore(config: Config, mutant: Option<Mutant>) -> Report {
    let mut machine = Machine::new(config, mutant);
    let first = first_state(&mut machine);
    let mut explorer = Explorer {
        machine,
        known: IndexSet::default(),
        origins: Vec::new(),
        depths: Vec::new(),
    };
    explorer.known.insert(first);
    explorer.origins.push(Origin {
        from: 0,
        by: Action::TimePasses,
    });
    explorer.depths.push(0);
    explorer.run()
}

fn first_state(machine: &mut Machine) -> State {
    let begin = machine.config.begin;
    let requested = begin == Begin::Requested;
    let repeated = begin == Begin::Repeated;
    let asking = |left, asks| if asks { Client::Asking { left } } else { Client::Gone };
    let submitted = matches!(begin, Begin::Uncertain | Begin::Flagged);
    let submissions = if submitted {
        Claims::default().with(1)
    } else {
        Claims::default()
    };
    let first = State {
        record: (!requested).then(|| machine.first_record(begin)),
        senders: [Sender::Idle; 2],
        readers: [Reader::Nobody; 2],
        late: None,
        clients: [asking(2, requested || repeated), asking(1, requested)],
        contents: u8::from(!requested),
        send_task: !requested,
        dead_letters: Claims::default(),
        pending: Claims::default(),
        copies: u8::from(submitted || begin == Begin::Restored),
        on_the_way: submissions,
        events: Claims::default(),
        in_time: Claims::default(),
        doubtful: Claims::default(),
        known: false,
        accepted: !requested,
        canceled: false,
        forced: false,
        spent: u8::from(matches!(begin, Begin::Uncertain | Begin::Failed)),
        commands: machine.config.commands,
        queue: QueueState::default(),
        former: QueueState::default(),
        changes: machine.config.changes,
        jobs: [false; 3],
        given_back: machine.config.given_back,
        erasures: machine.config.erasures,
        erasure: ErasureState::None,
        telling: Telling::first(&machine.config),
    };
    if begin == Begin::Purged {
        first.changed(QueueChange::Purge)
    } else {
        first
    }
}

impl Explorer {
    fn run(mut self) -> Report {
        let mut taken = FxHashMap::<Action, u64>::default();
        let (mut count, mut at) = (0, 0);
        let mut edges = FxHashSet::<(Process, RecordStatus, RecordStatus)>::default();
        let mut changes = FxHashSet::<(Option<RecordId>, Option<RecordId>)>::default();
        let mut found = Steps::default();
        while let Some(state) = self.known.get_index(at).copied() {
            steps(&mut self.machine, &state, &mut found);
            for step in found.all() {
                count += 1;
                *taken.entry(step.action).or_default() += 1;
                if let (Action::Does(who, Operation::Writes), Some(from), Some(to)) =
                    (step.action, state.record, step.to.record)
                {
                    edges.insert((who, self.machine.record(from).status, self.machine.record(to).status));
                }
                if !step.action.is_time() && state.record != step.to.record {
                    changes.insert((state.record, step.to.record));
                }
                let new = self.known.insert(step.to);
                let broken = step.broken.or_else(|| {
                    if new {
                        broken_by_state(&self.machine, &step.to)
                    } else {
                        None
                    }
                });
                if let Some(property) = broken {
                    let broken = self.counterexample(at, Some(step.action), step.to, property);
                    return self.report(count, &taken, &edges, &changes, Some(broken));
                }
                if new {
                    self.origins.push(Origin {
                        from: index(at),
                        by: step.action,
                    });
                    self.depths.push(self.depths[at].saturating_add(1));
                }
            }
            at += 1;
        }
        let broken = self.one_that_does_not_end();
        self.report(count, &taken, &edges, &changes, broken)
    }

    /// Finds a state from which the email does not end in some environment. The only further fault is the loss of
    /// every message in transit.
    fn one_that_does_not_end(&mut self) -> Option<Counterexample> {
        let callers = self.machine.config.commands > 0;
        let environments = Environment::ALL
            .into_iter()
            .filter(|environment| !(callers && environment.needs_hours()));
        environments
            .into_iter()
            .find_map(|environment| self.one_that_does_not_end_in(environment))
    }

    fn one_that_does_not_end_in(&mut self, environment: Environment) -> Option<Counterexample> {
        let mut ends = FxHashMap::<State, Option<RecordStatus>>::default();
        let mut found = Steps::default();
        for begin in 0..self.known.len() {
            let first = all_lost(self.known.get_index(begin)?);
            let (mut way, mut at) = (Vec::new(), first);
            let end = loop {
                if let Some(end) = ends.get(&at) {
                    break *end;
                }
                if way.contains(&at) {
                    return Some(self.counterexample(begin, None, at, Property::Ends));
                }
                way.push(at);
                steps(&mut self.machine, &at, &mut found);
                match orderly(&self.machine, &at, found.all(), environment) {
                    Ok(None) => break at.record.map(|record| self.machine.record(record).status),
                    Ok(Some(next)) => at = next,
                    Err(property) => return Some(self.counterexample(begin, None, at, property)),
                }
            };
            ends.extend(way.into_iter().map(|state| (state, end)));
            let fair = environment == Environment::FAIR;
            if fair && self.machine.waits_alone(&first) && end != Some(RecordStatus::Sent) {
                return Some(self.counterexample(begin, None, first, Property::NotGivenUpEarly));
            }
        }
        None
    }

    fn counterexample(&self, at: usize, last: Option<Action>, state: State, property: Property) -> Counterexample {
        let mut way: Vec<_> = last.into_iter().collect();
        let mut at = at;
        while at > 0 {
            let origin = self.origins[at];
            way.push(origin.by);
            at = usize::try_from(origin.from).unwrap_or(0);
        }
        way.reverse();
        let record = state.record.map(|record| format!("{:?}", self.machine.record(record)));
        Counterexample {
            property,
            way,
            record: record.unwrap_or_default(),
        }
    }

    fn report(
        self,
        steps: u64,
        taken: &FxHashMap<Action, u64>,
        edges: &FxHashSet<(Process, RecordStatus, RecordStatus)>,
        changes: &FxHashSet<(Option<RecordId>, Option<RecordId>)>,
        broken: Option<Counterexample>,
    ) -> Report {
        let record = |id: Option<RecordId>| id.map(|id| self.machine.record(id));
        let mut actions = BTreeMap::new();
        for (action, times) in taken {
            *actions.entry(action.name()).or_default() += times;
        }
        Report {
            states: self.known.len(),
            steps,
            records: self.machine.records.count(),
            depth: self.depths.iter().copied().max().unwrap_or(0).into(),
            actions,
            edges: edges
                .iter()
                .map(|(who, from, to)| (who.name(), format!("{from:?} -> {to:?}")))
                .collect(),
            told: changes
                .iter()
                .map(|(before, after)| row(record(*before), record(*after)))
                .collect(),
            broken,
        }
    }
}

fn index(at: usize) -> u32 {
    u32::try_from(at).expect("fewer states than memory has room for")
}
