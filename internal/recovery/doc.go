// Package recovery keeps what break-glass needs: the codes of owners, and who
// was let in by one.
//
//	code  made ──> used
//	        └────> gone: its owner made others, or is no owner any more
//
// A code alone opens nothing: whoever has it is mailed a link, to the address of
// the user whose code it is. signin does that, and decides who may. directory
// ends codes with what they stand on. The tables recovery_codes and recoveries
// belong to this package.
package recovery
