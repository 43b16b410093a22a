//! A message whose type is not known: small ones inside, others in a box.

use std::mem::{MaybeUninit, align_of, size_of};

type Space = [usize; 6];

/// See the module. One that is dropped keeps its message for ever: it may be on a thread on which
/// that must not be dropped.
pub(super) struct Parcel(MaybeUninit<Space>);

fn fits<T>() -> bool {
    size_of::<T>() <= size_of::<Space>() && align_of::<T>() <= align_of::<Space>()
}

impl Parcel {
    pub(super) fn new<T>(message: T) -> Parcel {
        let mut space = MaybeUninit::<Space>::uninit();
        if fits::<T>() {
            // SAFETY: size and alignment were looked at.
            unsafe { space.as_mut_ptr().cast::<T>().write(message) };
        } else {
            // SAFETY: a box is a word, which fits.
            unsafe { space.as_mut_ptr().cast::<Box<T>>().write(Box::new(message)) };
        }
        Parcel(space)
    }

    /// Takes the message out.
    ///
    /// # Safety
    ///
    /// - It was made of a `T`.
    pub(super) unsafe fn open<T>(self) -> T {
        let space = self.0.as_ptr();
        if fits::<T>() {
            // SAFETY: the caller says that it is there; size and alignment were looked at.
            return unsafe { space.cast::<T>().read() };
        }
        // SAFETY: the caller says that a message was put in, so a box of it is there.
        *unsafe { space.cast::<Box<T>>().read() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::rc::Rc;

    #[test]
    fn what_is_put_in_comes_out_whatever_its_size() {
        let count = Rc::new(());
        let small = Parcel::new(Rc::clone(&count));
        let large = Parcel::new([(); 9].map(|()| Rc::clone(&count)));
        assert_eq!(Rc::strong_count(&count), 11);
        // SAFETY: made of it above.
        drop(unsafe { small.open::<Rc<()>>() });
        assert_eq!(Rc::strong_count(&count), 10);
        // SAFETY: made of it above.
        drop(unsafe { large.open::<[Rc<()>; 9]>() });
        assert_eq!(Rc::strong_count(&count), 1);
    }
}
