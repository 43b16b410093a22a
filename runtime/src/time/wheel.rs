//! A hierarchical timer wheel in arrays, of one worker and without locks.
//!
//! Entries are linked by index, so that unlinking one touches this array alone and no stack. An
//! entry that is due at tick W, seen from now N, stands at the level of the highest of the 6-bit
//! digits in which W and N differ, in the slot that W's digit there names. So everything at a level
//! is later than everything below it, and within a level the lowest slot comes first. Eleven levels
//! hold every u64.

const BITS: u32 = 6;
const SLOTS: usize = 1 << BITS;
const LEVELS: usize = 11;

const NIL: u32 = u32::MAX;
/// Where an entry stands that is due, linked in the list `due`.
const DUE: u16 = u16::MAX - 1;
/// Where an entry stands that is in no list.
const NOWHERE: u16 = u16::MAX;

#[derive(Debug)]
struct Entry<T> {
    value: Option<T>,
    when: u64,
    prev: u32,
    next: u32,
    /// level * 64 + slot, or `DUE`, or `NOWHERE`.
    place: u16,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Wheel<T> {
    entries: Vec<Entry<T>>,
    free: u32,
    heads: [u32; LEVELS * SLOTS],
    occupied: [u64; LEVELS],
    due: u32,
    now: u64,
    armed: usize,
}

impl<T: Copy> Wheel<T> {
    pub(crate) fn new(now: u64) -> Wheel<T> {
        Wheel {
            entries: Vec::new(),
            free: NIL,
            heads: [NIL; LEVELS * SLOTS],
            occupied: [0; LEVELS],
            due: NIL,
            now,
            armed: 0,
        }
    }

    /// A new entry, not armed; its key is good until it is removed.
    pub(crate) fn add(&mut self, value: T) -> u32 {
        let entry = Entry { value: Some(value), when: 0, prev: NIL, next: NIL, place: NOWHERE };
        if self.free == NIL {
            let key = u32::try_from(self.entries.len()).ok().filter(|&key| key != NIL);
            self.entries.push(entry);
            return key.expect("fewer than 2^32 timers on a worker");
        }
        let key = self.free;
        self.free = self.entry(key).next;
        self.entries[key as usize] = entry;
        key
    }

    /// Removes an entry.
    pub(crate) fn remove(&mut self, key: u32) {
        self.disarm(key);
        let free = self.free;
        let entry = self.entry(key);
        entry.value = None;
        entry.next = free;
        self.free = key;
    }

    /// When the entry will come due, if it is armed.
    pub(crate) fn when(&self, key: u32) -> Option<u64> {
        let entry = &self.entries[key as usize];
        (entry.place != NOWHERE).then_some(entry.when)
    }

    /// Arms the entry for tick `when`, instead of any earlier arming.
    pub(crate) fn arm(&mut self, key: u32, when: u64) {
        self.disarm(key);
        self.entry(key).when = when;
        self.link(key);
        self.armed += 1;
    }

    /// Disarms the entry.
    pub(crate) fn disarm(&mut self, key: u32) {
        if self.entry(key).place != NOWHERE {
            self.unlink(key);
            self.armed -= 1;
        }
    }

    /// Moves on to tick `now`: what is due by then can be popped.
    pub(crate) fn advance(&mut self, now: u64) {
        while let Some((level, slot, tick)) = self.first().filter(|&(.., tick)| tick <= now) {
            self.now = tick;
            let place = level * SLOTS + slot;
            let mut key = std::mem::replace(&mut self.heads[place], NIL);
            self.occupied[level] &= !(1 << slot);
            while key != NIL {
                let next = self.entry(key).next;
                self.link(key);
                key = next;
            }
        }
        self.now = self.now.max(now);
    }

    /// Takes one entry that is due; it is then not armed.
    pub(crate) fn pop(&mut self) -> Option<(u32, T)> {
        let key = self.due;
        if key == NIL {
            return None;
        }
        self.disarm(key);
        Some((key, self.entry(key).value.expect("an armed entry has a value")))
    }

    /// A tick by which nothing comes due before it, and to which it is worth advancing.
    pub(crate) fn next(&self) -> Option<u64> {
        if self.due != NIL { Some(self.now) } else { self.first().map(|(.., tick)| tick) }
    }

    /// How many are armed.
    pub(crate) fn armed(&self) -> usize {
        self.armed
    }

    fn entry(&mut self, key: u32) -> &mut Entry<T> {
        &mut self.entries[key as usize]
    }

    /// The first slot that holds anything, and the tick at which it begins.
    fn first(&self) -> Option<(usize, usize, u64)> {
        let level = self.occupied.iter().position(|&slots| slots != 0)?;
        let slot = self.occupied[level].trailing_zeros();
        let shift = BITS * level as u32;
        // What stands above the level's digit is that of now.
        let above = self.now.checked_shr(shift + BITS).unwrap_or(0);
        let above = above.checked_shl(shift + BITS).unwrap_or(0);
        Some((level, slot as usize, above | u64::from(slot) << shift))
    }

    fn link(&mut self, key: u32) {
        let (now, when) = (self.now, self.entry(key).when);
        let place = if when <= now {
            DUE
        } else {
            let level = (63 - (when ^ now).leading_zeros()) / BITS;
            let slot = (when >> (BITS * level)) as usize % SLOTS;
            self.occupied[level as usize] |= 1 << slot;
            (level as usize * SLOTS + slot) as u16
        };
        let head = if place == DUE { &mut self.due } else { &mut self.heads[place as usize] };
        let next = std::mem::replace(head, key);
        if next != NIL {
            self.entry(next).prev = key;
        }
        let entry = self.entry(key);
        (entry.prev, entry.next, entry.place) = (NIL, next, place);
    }

    fn unlink(&mut self, key: u32) {
        let entry = self.entry(key);
        let (prev, next, place) = (entry.prev, entry.next, entry.place);
        entry.place = NOWHERE;
        if next != NIL {
            self.entry(next).prev = prev;
        }
        if prev != NIL {
            self.entry(prev).next = next;
        } else if place == DUE {
            self.due = next;
        } else {
            self.heads[place as usize] = next;
            if next == NIL {
                self.occupied[place as usize / SLOTS] &= !(1 << (place as usize % SLOTS));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn due(wheel: &mut Wheel<u32>, now: u64) -> Vec<u32> {
        wheel.advance(now);
        let mut all: Vec<u32> =
            std::iter::from_fn(|| wheel.pop().map(|(_, value)| value)).collect();
        all.sort_unstable();
        all
    }

    #[test]
    fn an_entry_comes_due_at_its_tick_and_not_before() {
        for when in [1, 63, 64, 65, 4095, 4096, 1 << 40, u64::MAX] {
            let mut wheel = Wheel::new(0);
            let key = wheel.add(7);
            wheel.arm(key, when);
            assert!(wheel.next().unwrap() <= when);
            assert_eq!(due(&mut wheel, when - 1), []);
            assert_eq!(due(&mut wheel, when), [7]);
            assert_eq!(wheel.next(), None);
        }
    }

    #[test]
    fn an_entry_in_the_past_is_due_at_once() {
        let mut wheel = Wheel::new(1000);
        let key = wheel.add(7);
        wheel.arm(key, 3);
        assert_eq!(wheel.next(), Some(1000));
        assert_eq!(wheel.pop(), Some((key, 7)));
        assert_eq!(wheel.when(key), None);
    }

    #[test]
    fn removed_keys_are_used_again() {
        let mut wheel = Wheel::new(0);
        let a = wheel.add(1);
        wheel.arm(a, 5);
        wheel.remove(a);
        assert_eq!(wheel.next(), None);
        assert_eq!(wheel.add(2), a);
        assert_eq!(wheel.armed(), 0);
    }

    #[derive(Clone, Debug)]
    enum Step {
        Arm(usize, u64),
        Disarm(usize),
        Advance(u64),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let far = prop_oneof![0..200u64, 0..10_000u64, 0..10_000_000u64];
        let step = prop_oneof![
            3 => (0..20usize, far.clone()).prop_map(|(key, by)| Step::Arm(key, by)),
            1 => (0..20usize).prop_map(Step::Disarm),
            2 => far.prop_map(Step::Advance),
        ];
        proptest::collection::vec(step, 1..200)
    }

    proptest! {
        #[test]
        fn it_does_what_a_sorted_map_does(steps in steps(), start in 0..1u64 << 50) {
            let mut now = start;
            let mut wheel = Wheel::new(now);
            let keys: Vec<u32> = (0..20).map(|value| wheel.add(value)).collect();
            let mut model: BTreeMap<u32, u64> = BTreeMap::new();
            for step in steps {
                match step {
                    Step::Arm(key, by) => {
                        wheel.arm(keys[key], now + by);
                        model.insert(key as u32, now + by);
                    }
                    Step::Disarm(key) => {
                        wheel.disarm(keys[key]);
                        model.remove(&(key as u32));
                    }
                    Step::Advance(by) => {
                        now += by;
                        let expected: Vec<u32> =
                            model.iter().filter(|&(_, &w)| w <= now).map(|(&k, _)| k).collect();
                        model.retain(|_, when| *when > now);
                        prop_assert_eq!(due(&mut wheel, now), expected);
                    }
                }
                prop_assert_eq!(wheel.armed(), model.len());
                let first = model.values().min().copied();
                prop_assert_eq!(wheel.next().is_some(), first.is_some());
                if let (Some(next), Some(first)) = (wheel.next(), first) {
                    prop_assert!(next <= first.max(now));
                }
            }
        }
    }
}
