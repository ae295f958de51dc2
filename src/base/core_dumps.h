// Core dumps: the memory of a process of ours holds keys, passwords and conversations, and a core
// would leave them on a disk in the clear. Free function, for the start of main.
#pragma once

namespace holdfast {

// From now on this process leaves no core, whatever pattern the system pipes cores to, and no other
// process of its user reads its memory or traces it; root still can. What it starts inherits the
// limit of cores alone, so each program calls this itself.
void SwitchOffCoreDumps();

}  // namespace holdfast
