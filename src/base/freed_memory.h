// Memory of a process that handles what people say and type: from the call on, what operator delete
// gives back is overwritten first, so that a password or a message does not outlive its use in
// memory that nobody owns. (Secret wipes its own; this is for the copies that libraries make.) What
// C libraries free by themselves is not touched.
//
// Cost: one pass over what is freed. Does nothing in builds with a sanitizer, which bring an
// allocator of their own. Thread-safe.
#pragma once

namespace holdfast {

void WipeFreedMemory();

}  // namespace holdfast
