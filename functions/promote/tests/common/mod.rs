//! A promoter in a world in memory.

use std::time::Duration;

use domain::lifecycle::Policy;
use promote::Promote;
use world::World;

pub(crate) fn promote(world: &World) -> Promote<World, World, World, World, World, World, World> {
    let (records, priority_queues, dead_letters) = (world.clone(), world.clone(), world.clone());
    let (evidence, account, system) = (world.clone(), world.clone(), world.clone());
    let policy = Policy::standard();
    Promote {
        records,
        bodies: world.clone(),
        priority_queues,
        dead_letters,
        evidence,
        account,
        system,
        policy,
        expires_after: Duration::from_secs(14 * 86_400),
        retention: Duration::from_secs(30 * 86_400),
        most_messages: domain::priority_queue::MOST_MESSAGES,
    }
}
