//! A worker: one thread, its residents, its queues, its timers, its poller.
//!
//! One turn of its loop runs a batch of coroutines, bounded by time, and then polls. What is run
//! comes from two queues in turn, the local one (woken or yielded by coroutines of this worker) and
//! the batch taken from the inbox (woken by the poll or from elsewhere), and every few picks from
//! the new coroutines, so that none of the three starves.
//!
//! Everything here belongs to the thread; others reach a worker through its `Remote`.

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    sync::Arc,
    time::{Duration, Instant},
};

use crossbeam_deque::{Steal, Worker as Deque};
use lif_coro::{Coroutine, StackPool, Step, Suspender};
use lif_poller::Events;

use super::{
    census::Phase,
    idle::Role,
    inbox::Inbox,
    shared::{Counts, Remote, Shared},
};
use crate::{
    cancel::{self, Reason},
    current,
    ready::{driver::Driver, slot},
    stable::Stable,
    task::{
        body::{Outcome, contain},
        header::{HEADERS, Header, Local, NONE, Task, TaskRef},
        id::Ids,
        join_word::Finish,
        state::Wake,
    },
    time::{clock, wheel::Wheel},
};

/// How long a worker runs coroutines before it polls.
const BATCH: u64 = 100_000;
/// How many switches it makes at most between two looks at the clock.
const MOST_SWITCHES: u32 = 32;
/// How many operations may succeed or fail at once before the coroutine yields.
const BUDGET: u32 = 64;
/// Every so many picks, a new coroutine comes first.
const NEW_FIRST: u32 = 8;
/// Every so many new coroutines, the oldest is taken and not the newest.
const OLDEST_FIRST: u32 = 4;
/// Every so many new coroutines, the injector comes first.
const INJECTOR_FIRST: u32 = 32;
/// Of a burst of new coroutines, so many are placed at most by one look at the loads of all workers.
const LOOK: u64 = 16;
/// Headers that are taken from the pool at a time, half of what is kept.
const HEADER_BATCH: usize = 64;
/// How long a worker waits before it gives back the stack pages that it no longer needs.
const TRIM_AFTER: u64 = 250_000_000;
/// Events taken from the kernel at a time.
const EVENTS: usize = 512;

/// See the module.
pub(crate) struct Worker {
    index: usize,
    shared: Arc<Shared>,
    driver: Arc<Driver>,
    deque: Deque<Task>,
    local: RefCell<VecDeque<Task>>,
    batch: RefCell<Batch>,
    polled: RefCell<Vec<Task>>,
    surplus: RefCell<Vec<Task>>,
    residents: RefCell<Vec<Task>>,
    wheel: RefCell<Wheel<Task>>,
    stacks: RefCell<StackPool>,
    headers: RefCell<Vec<&'static Header>>,
    events: RefCell<Events>,
    ids: RefCell<Ids>,
    current: Cell<Option<Task>>,
    budget: Cell<u32>,
    picks: Cell<u32>,
    news: Cell<u32>,
    /// How many switches it makes before it looks at the clock, at the pace of late.
    pace: Cell<u32>,
    role: Cell<Role>,
    phase: Cell<Phase>,
    /// The clock when it was last read.
    now: Cell<u64>,
    trim_at: Cell<u64>,
}

/// What was taken from the inbox, run from the front.
#[derive(Default)]
struct Batch {
    tasks: Vec<Task>,
    next: usize,
}

impl Batch {
    fn pop(&mut self) -> Option<Task> {
        let task = self.tasks.get(self.next).copied()?;
        self.next += 1;
        Some(task)
    }

    fn is_empty(&self) -> bool {
        self.next == self.tasks.len()
    }

    /// What is to be filled again, if it is empty.
    fn refill(&mut self) -> &mut Vec<Task> {
        if self.is_empty() {
            self.tasks.clear();
            self.next = 0;
        }
        &mut self.tasks
    }
}

impl Worker {
    pub(crate) fn new(
        index: usize,
        shared: Arc<Shared>,
        driver: Arc<Driver>,
        deque: Deque<Task>,
        stacks: StackPool,
    ) -> Worker {
        let now = clock::now();
        Worker {
            index,
            shared,
            driver,
            deque,
            local: RefCell::default(),
            batch: RefCell::default(),
            polled: RefCell::default(),
            surplus: RefCell::default(),
            residents: RefCell::default(),
            wheel: RefCell::new(Wheel::new(clock::tick_floor(now))),
            stacks: RefCell::new(stacks),
            headers: RefCell::default(),
            events: RefCell::new(Events::with_capacity(EVENTS)),
            ids: RefCell::default(),
            current: Cell::new(None),
            budget: Cell::new(0),
            picks: Cell::new(0),
            news: Cell::new(0),
            pace: Cell::new(1),
            role: Cell::new(Role::Worker),
            phase: Cell::new(Phase::Running),
            now: Cell::new(now),
            trim_at: Cell::new(u64::MAX),
        }
    }

    /// Runs until the runtime is done.
    pub(crate) fn work(&self) {
        while self.look_around() {
            let started = Instant::now();
            self.now.set(clock::nanos(started));
            if self.run_batch() {
                self.place_surplus();
                self.poll(Some(Duration::ZERO));
            } else {
                self.idle();
            }
        }
        slot::orphan_all(&self.driver);
        self.shared.worker_gone();
    }

    fn remote(&self) -> &Remote {
        &self.shared.workers[self.index]
    }

    fn counts(&self) -> &Counts {
        &self.remote().counts
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    pub(crate) fn inbox(&self) -> &'static Inbox {
        self.remote().inbox
    }

    pub(crate) fn driver(&self) -> &Arc<Driver> {
        &self.driver
    }

    /// Whether this is the only worker of that runtime.
    pub(crate) fn is_lone_in(&self, runtime: u32) -> bool {
        self.shared.id == runtime && self.shared.workers.len() == 1
    }

    /// The running coroutine.
    #[inline]
    pub(crate) fn current(&self) -> Option<Task> {
        self.current.get()
    }

    /// Whether fallible waits of cancelled coroutines unwind as the others do.
    pub(crate) fn is_hard(&self) -> bool {
        self.phase.get() != Phase::Running && self.shared.is_hard(clock::now())
    }

    // ----- the loop ------------------------------------------------------------------------

    /// Notices the phase of the runtime; false if this worker's work is done.
    fn look_around(&self) -> bool {
        let phase = self.shared.phase();
        if phase == Phase::Running {
            return true;
        }
        if self.phase.replace(phase) == Phase::Running {
            for &task in self.residents.borrow().iter() {
                task.cancel(Reason::Shutdown);
            }
        }
        match phase {
            Phase::Running | Phase::Stopping => true,
            Phase::Abandoned => {
                let nothing = self.residents.borrow().is_empty() && !self.has_work();
                !(nothing && self.inbox().mail().len() == 0)
            }
            Phase::Done => false,
        }
    }

    /// Runs coroutines until the batch's time is over (true) or there is none (false).
    fn run_batch(&self) -> bool {
        let end = self.now.get() + BATCH;
        let (mut switches, mut look) = (0, self.pace.get());
        while let Some(task) = self.next() {
            if self.role.get() == Role::Searcher {
                self.stop_searching();
            }
            self.run(task);
            switches += 1;
            if switches == look {
                let now = clock::now();
                if now >= end {
                    self.now.set(now);
                    return self.has_work();
                }
                // Look again after about a quarter of a batch, at this pace.
                let each = (now - self.now.get()) / u64::from(switches) + 1;
                self.now.set(now);
                let pace = u32::try_from(BATCH / 4 / each).unwrap_or(u32::MAX);
                (switches, look) = (0, pace.clamp(1, MOST_SWITCHES));
                self.pace.set(look);
            }
        }
        false
    }

    fn has_work(&self) -> bool {
        !self.local.borrow().is_empty() || !self.batch.borrow().is_empty() || !self.deque.is_empty()
    }

    fn next(&self) -> Option<Task> {
        let picks = self.picks.get().wrapping_add(1);
        self.picks.set(picks);
        if picks.is_multiple_of(NEW_FIRST)
            && let Some(task) = self.next_new()
        {
            return Some(task);
        }
        let local = || self.local.borrow_mut().pop_front();
        let batch = || self.next_of_batch();
        let old =
            if picks.is_multiple_of(2) { local().or_else(batch) } else { batch().or_else(local) };
        old.or_else(|| self.next_new())
    }

    fn next_of_batch(&self) -> Option<Task> {
        let task = self.batch.borrow_mut().pop()?;
        // SAFETY: the task was in a queue of this worker.
        if unsafe { task.local() }.resident.get() == NONE {
            // It was handed over by a worker that had too many.
            self.counts().accepted.add(1);
        }
        Some(task)
    }

    /// A new coroutine: the newest of ours, at times the oldest, at times one from outside.
    fn next_new(&self) -> Option<Task> {
        let news = self.news.get().wrapping_add(1);
        self.news.set(news);
        if news.is_multiple_of(INJECTOR_FIRST)
            && let Some(task) = self.take_injected()
        {
            return Some(task);
        }
        if self.deque.is_empty() {
            return self.take_injected();
        }
        if news.is_multiple_of(OLDEST_FIRST)
            && let Steal::Success(task) = self.remote().stealer.steal()
        {
            return Some(task);
        }
        self.deque.pop().or_else(|| self.take_injected())
    }

    fn take_injected(&self) -> Option<Task> {
        let injector = &self.shared.injector;
        if injector.is_empty() {
            return None;
        }
        loop {
            match injector.steal_batch_with_limit_and_pop(&self.deque, 16) {
                Steal::Success(task) => {
                    self.moved_a_batch();
                    return Some(task);
                }
                Steal::Empty => return None,
                Steal::Retry => {}
            }
        }
    }

    /// A batch on its way from one deque to another is in neither, and a worker that looked just
    /// then has seen nothing: what stays in ours counts as newly pushed.
    fn moved_a_batch(&self) {
        if self.shared.workers.len() > 1 && !self.deque.is_empty() {
            self.shared.work_pushed();
            self.place_surplus();
        }
    }

    /// Takes new coroutines from another worker.
    fn steal(&self) -> Option<Task> {
        let workers = &self.shared.workers;
        let start = self.index + 1 + self.picks.get() as usize;
        for other in (start..start + workers.len()).map(|other| other % workers.len()) {
            if other == self.index {
                continue;
            }
            loop {
                match workers[other].stealer.steal_batch_and_pop(&self.deque) {
                    Steal::Success(task) => {
                        self.counts().stolen.add(1 + self.deque.len() as u64);
                        self.moved_a_batch();
                        return Some(task);
                    }
                    Steal::Empty => break,
                    Steal::Retry => std::hint::spin_loop(),
                }
            }
        }
        None
    }

    fn stop_searching(&self) {
        self.role.set(Role::Worker);
        if let Some(next) = self.shared.idle.found(|| self.shared.work_visible()) {
            self.shared.workers[next].inbox.nudge();
        }
    }

    /// Nothing of ours to run: steals, or sleeps in the poller.
    fn idle(&self) {
        let alone = self.shared.workers.len() == 1;
        // The batch may have ended by its time, so this looks at the injector too.
        let steal = || if alone { None } else { self.steal() };
        if let Some(task) = self.take_injected().or_else(steal) {
            // Back where it can be stolen; the next turn takes it.
            self.deque.push(task);
            return;
        }
        if !alone {
            let visible = || self.shared.work_visible();
            let role = self.shared.idle.sleep(self.index, self.role.get(), visible);
            self.role.set(role);
            if role == Role::Searcher {
                return;
            }
        }
        self.shared.settle();
        let left_to_trim = self.trim();
        let sleeps = self.inbox().mail().try_sleep();
        self.poll(if sleeps && !left_to_trim { self.until_next() } else { Some(Duration::ZERO) });
        if !alone {
            self.role.set(self.shared.idle.woke(self.index));
        }
    }

    /// How long the worker may sleep: until the next timer, or until stacks are to be trimmed.
    fn until_next(&self) -> Option<Duration> {
        let now = clock::now();
        let timer = self.wheel.borrow().next().map(|tick| clock::until(now, tick));
        let trim = self.trim_at.get();
        let trim = (trim != u64::MAX).then(|| Duration::from_nanos(trim.saturating_sub(now)));
        match (timer, trim) {
            (Some(timer), Some(trim)) => Some(timer.min(trim)),
            (timer, trim) => timer.or(trim),
        }
    }

    fn trim(&self) -> bool {
        if self.now.get() < self.trim_at.get() {
            return false;
        }
        let more = self.stacks.borrow_mut().trim();
        if !more {
            self.trim_at.set(u64::MAX);
        }
        more
    }

    /// Asks the kernel what is ready, fires timers, takes what was sent.
    fn poll(&self, timeout: Option<Duration>) {
        let mut events = self.events.borrow_mut();
        let mut polled = self.polled.borrow_mut();
        self.driver.poll(&mut events, timeout);
        let counts = self.counts();
        counts.polls.add(1);
        if !events.is_empty() {
            counts.events.add(events.len() as u64);
            for event in events.iter() {
                if !slot::dispatch(event, &self.driver, self.inbox(), &mut polled) {
                    counts.stale_events.add(1);
                }
            }
        }
        self.fire_timers(&mut polled);
        self.inbox().mail().awake(&mut polled, self.batch.borrow_mut().refill());
    }

    // ----- timers --------------------------------------------------------------------------

    /// Lets the timer of `task`, the running coroutine, end its wait at `deadline`. An entry that
    /// is armed for an earlier time stays so, and is armed anew when it comes due.
    pub(crate) fn arm_timer(&self, task: Task, deadline: Instant) {
        // SAFETY: the task runs on this thread.
        let local = unsafe { task.local() };
        let tick = clock::tick_ceil(clock::nanos(deadline));
        local.deadline.set(tick);
        let mut wheel = self.wheel.borrow_mut();
        if local.timer.get() == NONE {
            local.timer.set(wheel.add(task));
        }
        let key = local.timer.get();
        if wheel.when(key).is_none_or(|when| when > tick) {
            wheel.arm(key, tick);
        }
    }

    fn fire_timers(&self, polled: &mut Vec<Task>) {
        let mut wheel = self.wheel.borrow_mut();
        if wheel.armed() == 0 {
            return;
        }
        let now = clock::tick_floor(clock::now());
        wheel.advance(now);
        while let Some((key, task)) = wheel.pop() {
            // SAFETY: only residents have timers, and this is their home.
            let local = unsafe { task.local() };
            let deadline = local.deadline.get();
            if deadline == u64::MAX {
                continue;
            }
            if deadline > now {
                wheel.arm(key, deadline);
                continue;
            }
            let epoch = local.waiting.get().expect("a deadline belongs to a wait");
            // Stale: something else has ended the wait, and the task is on its way.
            if task.word.wake(epoch) == Wake::Enqueue {
                local.timed_out.set(true);
                polled.push(task);
                self.counts().timers.add(1);
            }
        }
    }

    // ----- running -------------------------------------------------------------------------

    fn run(&self, task: Task) {
        // SAFETY: the task was popped from a queue of this worker: it is a resident, or becomes
        // one now.
        let local = unsafe { task.local() };
        if task.word.is_queued() {
            task.word.run();
            if local.resident.get() == NONE && !self.start(task, local) {
                return;
            }
        }
        self.current.set(Some(task));
        self.budget.set(BUDGET);
        // SAFETY: nobody else refers to the coroutine: what runs inside it never touches this
        // cell.
        let coroutine = unsafe { (*local.coroutine.get()).as_mut() };
        let step = coroutine.expect("a resident has a coroutine").resume();
        self.current.set(None);
        if step == Step::Finished {
            self.finish(task, local);
        }
    }

    /// Makes a new coroutine a resident, with a stack; false if it cannot have one.
    fn start(&self, task: Task, local: &Local) -> bool {
        if self.phase.get() != Phase::Running {
            task.cancel(Reason::Shutdown);
        }
        let stack = match self.stacks.borrow_mut().take(task.meta().stack_size) {
            Ok(stack) => stack,
            Err(error) => {
                report_no_stack(task, &error);
                refuse(task, Box::new(error));
                self.ended(task);
                return false;
            }
        };
        task.set_home(self.inbox());
        let mut residents = self.residents.borrow_mut();
        local.resident.set(u32::try_from(residents.len()).expect("fewer than 2^32 residents"));
        residents.push(task);
        self.counts().residents.set(residents.len() as u64);
        let coroutine = Coroutine::new(stack, move |suspender| base(task, suspender));
        // SAFETY: the task was not started before, so nobody refers to the cell.
        unsafe { *local.coroutine.get() = Some(coroutine) };
        true
    }

    fn finish(&self, task: Task, local: &Local) {
        // SAFETY: the coroutine has returned, and `run` no longer refers to it.
        let coroutine = unsafe { (*local.coroutine.get()).take() };
        let stack = coroutine.expect("it has just returned").into_stack();
        self.stacks.borrow_mut().give(stack);
        if self.trim_at.get() == u64::MAX {
            self.trim_at.set(self.now.get() + TRIM_AFTER);
        }
        local.suspender.set(None);
        local.shields.set(0);
        local.scope_deadline.set(u64::MAX);
        local.locals.reset();
        local.deadline.set(u64::MAX);
        let timer = local.timer.replace(NONE);
        if timer != NONE {
            self.wheel.borrow_mut().remove(timer);
        }
        let mut residents = self.residents.borrow_mut();
        let place = local.resident.replace(NONE);
        residents.swap_remove(place as usize);
        if let Some(moved) = residents.get(place as usize) {
            // SAFETY: it is a resident of this worker.
            unsafe { moved.local() }.resident.set(place);
        }
        self.counts().residents.set(residents.len() as u64);
        drop(residents);
        self.ended(task);
    }

    /// The task is over: the home lets go of it.
    fn ended(&self, task: Task) {
        task.word.finished();
        self.counts().finished.add(1);
        // SAFETY: the spawn has counted one reference for the home, which is this one.
        drop(unsafe { TaskRef::adopt(task) });
    }

    /// Switches from the running coroutine to this worker's loop, until the coroutine is run
    /// again.
    #[inline]
    pub(crate) fn switch_away(&self, local: &Local) {
        let suspender = local.suspender.get().expect("a running coroutine has a suspender");
        // SAFETY: it stands in the frame of the coroutine's base, below the caller.
        unsafe { suspender.as_ref() }.suspend();
    }

    /// Lets others run.
    pub(crate) fn yield_now(&self, task: Task) {
        self.local.borrow_mut().push_back(task);
        // SAFETY: the task is the running one, so this is its home.
        self.switch_away(unsafe { task.local() });
    }

    /// Counts an operation that did not park; true if the coroutine has to yield.
    #[inline]
    pub(crate) fn spend(&self) -> bool {
        let left = self.budget.get();
        self.budget.set(left.saturating_sub(1));
        left == 0
    }

    // ----- queues and supplies -------------------------------------------------------------

    /// Queues a claimed task of this worker.
    #[inline]
    pub(crate) fn push_local(&self, task: Task) {
        self.local.borrow_mut().push_back(task);
    }

    /// Queues a new coroutine that any worker may start, or with `here` only this one.
    pub(crate) fn push_new(&self, task: Task, here: bool) {
        self.counts().spawned.add(1);
        task.word.spawned();
        if here {
            task.set_home(self.inbox());
            self.push_local(task);
            return;
        }
        self.deque.push(task);
        if self.shared.workers.len() > 1 {
            self.shared.work_pushed();
        }
    }

    /// Queues a new coroutine that only the worker of number `index` may start.
    pub(crate) fn push_to(&self, task: Task, index: usize) {
        if index == self.index {
            self.push_new(task, true);
            return;
        }
        self.counts().spawned.add(1);
        task.word.spawned();
        let other = &self.shared.workers[index];
        // From here on nobody else can start it.
        task.set_home(other.inbox);
        let mut surplus = self.surplus.borrow_mut();
        surplus.push(task);
        other.hand(&mut surplus);
    }

    /// Where the next new coroutines should live that come up here and stay for long, and how many
    /// of them: here, as long as this worker has no more than its share and `more`, else on the
    /// worker that has fewest. For a burst, asked anew every [`LOOK`] of them at the latest.
    pub(crate) fn roomiest(&self, more: u64) -> (usize, u64) {
        let new = self.deque.len() as u64;
        let (fair, roomiest, least) = self.shared.shares(new + 1);
        let mine = self.remote().load() + new;
        let most = fair + slack(fair).max(more);
        if mine < most || roomiest == self.index {
            return (self.index, most.saturating_sub(mine).clamp(1, LOOK));
        }
        (roomiest, fair.saturating_sub(least).clamp(1, LOOK))
    }

    /// Its number in its runtime.
    pub(crate) fn index(&self) -> usize {
        self.index
    }

    /// Whether new coroutines are refused. The one that asks lives, so the answer stays true for
    /// as long as it needs.
    pub(crate) fn refuses(&self) -> bool {
        self.shared.phase() != Phase::Running
    }

    pub(crate) fn next_id(&self) -> u64 {
        self.ids.borrow_mut().next()
    }

    pub(crate) fn take_header(&self) -> &'static Header {
        let mut headers = self.headers.borrow_mut();
        if headers.is_empty() {
            HEADERS.take_some(&mut headers, HEADER_BATCH);
        }
        headers.pop().unwrap_or_else(|| Stable::take(&HEADERS))
    }

    pub(crate) fn give_header(&self, header: &'static Header) {
        let mut headers = self.headers.borrow_mut();
        headers.push(header);
        if headers.len() > 2 * HEADER_BATCH {
            HEADERS.give_some(&mut headers, HEADER_BATCH);
        }
    }

    /// Hands new coroutines that this worker will not come to soon to those with fewer residents.
    fn place_surplus(&self) {
        let workers = &self.shared.workers;
        let new = self.deque.len() as u64;
        // Of a runtime that is given up, others may have left already.
        if workers.len() == 1 || new == 0 || self.phase.get() != Phase::Running {
            return;
        }
        // What waits in the injector will have to live somewhere as well.
        let (fair, ..) = self.shared.shares(new + self.shared.injector.len() as u64);
        let mine = self.remote().load();
        if mine + new <= fair + slack(fair) {
            return;
        }
        let mut left = (mine + new - fair).min(new);
        let mut surplus = self.surplus.borrow_mut();
        for (index, other) in workers.iter().enumerate() {
            let room = fair.saturating_sub(other.load()).min(left);
            if index == self.index || room == 0 {
                continue;
            }
            for _ in 0..room {
                match self.remote().stealer.steal() {
                    Steal::Success(task) => {
                        // From here on nobody else can start it.
                        task.set_home(other.inbox);
                        surplus.push(task);
                    }
                    Steal::Empty | Steal::Retry => break,
                }
            }
            left -= room;
            if !surplus.is_empty() {
                other.hand(&mut surplus);
            }
        }
    }
}

/// How many more than its fair share a worker keeps: it is not worth it for a few.
fn slack(fair: u64) -> u64 {
    (fair / 16).max(8)
}

impl Drop for Worker {
    fn drop(&mut self) {
        let headers = self.headers.get_mut();
        let all = headers.len();
        HEADERS.give_some(headers, all);
        self.inbox().close();
    }
}

/// The first frame of every coroutine.
fn base(task: Task, suspender: &Suspender) {
    // SAFETY: the coroutine runs on its home.
    let local = unsafe { task.local() };
    local.suspender.set(Some(suspender.into()));
    let refused = task.cancelled().map(cancel::payload);
    end(task, local, refused);
}

/// Says what a detached coroutine's owner would not hear.
fn report_no_stack(task: Task, error: &lif_coro::StackError) {
    let meta = task.meta();
    let (id, at) = (task.id(), meta.spawned_at);
    match &meta.name {
        Some(name) => eprintln!("coroutine '{name}' (id {id}, {at}) could not start: {error}"),
        None => eprintln!("coroutine {id} ({at}) could not start: {error}"),
    }
}

/// A coroutine that cannot start: its closure is dropped, its joiner gets `error`.
pub(crate) fn refuse(task: Task, error: Box<dyn std::any::Any + Send>) {
    // SAFETY: the task has not been started; whoever popped it, or did not push it, is alone.
    let local = unsafe { task.local() };
    end(task, local, Some(error));
}

/// Runs the body, or with `refused` only drops it, and hands its result over.
fn end(task: Task, local: &Local, refused: Option<Box<dyn std::any::Any + Send>>) {
    let body = local.body.take().expect("a body runs once");
    // SAFETY: the join word is not finished yet, so the body is the coroutine's.
    let outcome = unsafe { body.run(refused) };
    current::with_worker(|worker| {
        if let Some(worker) = worker {
            match outcome {
                Outcome::Returned => {}
                Outcome::Panicked => worker.counts().panicked.add(1),
                Outcome::Cancelled => worker.counts().cancelled.add(1),
            }
        }
    });
    if !local.locals.is_empty() {
        contain(|| local.locals.clear());
    }
    let scope = local.scope.take();
    let finish = task.join.finish();
    match finish {
        Finish::Leave => {}
        Finish::WakeJoiner => {
            // SAFETY: the join word has said so.
            let joiner = unsafe { task.take_joiner() };
            joiner.expect("a joiner that waits has left its waker").wake();
        }
        Finish::DropResult => {
            // SAFETY: the handle has gone, the body is ours again.
            unsafe { body.free() };
        }
    }
    if let Some(scope) = scope {
        scope.child_ended(outcome, finish == Finish::DropResult);
    }
}
