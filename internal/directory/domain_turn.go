package directory

import (
	"time"

	"sallyport/internal/access"
	"sallyport/internal/proof"
)

// The rules by which claims change as their proofs come and go.

const (
	lapseTime  = 30 * 24 * time.Hour // from the loss of a proof to its consequence
	remindTime = 23 * 24 * time.Hour // after which owners are told again
	doubtTime  = 7 * 24 * time.Hour  // after which a proof that can't be looked for counts as gone
	claimTime  = 30 * 24 * time.Hour // for which a claim is looked after by itself
)

// A standing is a claim as the rules see it.
type standing struct {
	status   access.DomainStatus
	vouched  bool          // verified on the operator's word
	inUse    bool          // enforced, or a pilot's; asked for where it is lapsing or frozen
	disputed bool          // the operator has to decide about it
	age      time.Duration // in this status
	ageThen  time.Duration // at the check before
	unseen   time.Duration // since the proof was there last
	// rival is the status of another organization's claim that holds the
	// domain; empty if none does.
	rival access.DomainStatus
}

// A turn is what becomes of a claim.
type turn string

const (
	stays     turn = "stays"
	verifies  turn = "verifies"  // pending, lapsing or frozen: the proof is there
	lapses    turn = "lapses"    // verified: the proof has gone
	reminds   turn = "reminds"   // lapsing: the owners are told again
	freezes   turn = "freezes"   // lapsing for too long, and people sign in through it
	expires   turn = "expires"   // lapsing for too long, or not in use any more: pending again
	elsewhere turn = "elsewhere" // proved, but another organization has it
	disputes  turn = "disputes"  // proved, and the other organization's proof has gone
	withdraws turn = "withdraws" // disputed: its own proof has gone
)

// next decides what becomes of a claim after its proof was looked for.
func next(s standing, v proof.Verdict) turn {
	switch s.status {
	case access.DomainPending:
		return nextPending(s, v)
	case access.DomainVerified:
		gone := v == proof.Missing || v == proof.Unclear && s.unseen >= doubtTime
		if gone && !s.vouched {
			return lapses
		}
		return stays
	}
	switch overdue := s.status == access.DomainLapsing && s.age >= lapseTime; {
	case v == proof.Proved:
		return verifies
	case overdue && s.inUse:
		return freezes
	case overdue, s.status == access.DomainFrozen && v == proof.Missing && !s.inUse:
		return expires
	case s.status == access.DomainLapsing && s.age >= remindTime && s.ageThen < remindTime:
		return reminds
	}
	return stays
}

func nextPending(s standing, v proof.Verdict) turn {
	switch {
	case v == proof.Missing && s.disputed:
		return withdraws
	case v != proof.Proved:
		return stays
	case s.rival == "":
		return verifies
	case s.rival == access.DomainVerified || s.disputed:
		return elsewhere
	}
	return disputes
}

// Pauses between looking for proofs.
const (
	verifiedPause = 24 * time.Hour
	unclearPause  = time.Hour
	lapsingPause  = time.Hour
	leastPause    = time.Minute
	mostPause     = 12 * time.Hour
)

// nextLook is after which time the proof of a claim in this standing is looked
// for again; zero: not before somebody asks. For a new claim the pauses grow
// with its age.
func nextLook(s standing, v proof.Verdict) time.Duration {
	switch {
	case s.vouched:
		return 0
	case s.status == access.DomainVerified && v == proof.Unclear:
		return unclearPause
	case s.status == access.DomainLapsing:
		return lapsingPause
	case s.status != access.DomainPending, s.disputed:
		return verifiedPause
	case s.age >= claimTime:
		return 0
	}
	return min(max(s.age/4, leastPause), mostPause)
}
