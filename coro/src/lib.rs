//! Guard-paged stacks in large slabs, and the switch between them: the lowest layer of Lif.
