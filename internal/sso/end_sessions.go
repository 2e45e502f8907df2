package sso

import (
	"context"
	"errors"
	"time"

	"sallyport/internal/audit"
	"sallyport/internal/db"
	"sallyport/internal/directory"
	"sallyport/internal/fault"
	"sallyport/internal/job"
)

// jobEndSessions ends the sessions of those for whom domains decide, after an
// enforcement: there may be a million of them, and nobody waits for that.
const jobEndSessions = "end_sessions"

// usersAtOnce is how many users one step is about.
const usersAtOnce = 500

type endingSessions struct {
	OrganizationID string    `json:"organization_id"`
	ProfileID      string    `json:"profile_id"`
	DomainIDs      []string  `json:"domain_ids"`
	Before         time.Time `json:"before"` // of the enforcement
}

// endedSessions is how far it is.
type endedSessions struct {
	Domain int    `json:"domain"` // index of the one that is worked on
	After  string `json:"after"`  // its last user so far
	Ended  int64  `json:"ended"`  // sessions there
	Done   int64  `json:"done"`   // sessions in all
}

// endSessionsLater has the sessions ended that the domains' users have now.
func (s *Service) endSessionsLater(tx *db.Tx, list []directory.Domain) error {
	in := endingSessions{OrganizationID: list[0].OrganizationID, ProfileID: list[0].ProfileID, Before: tx.Now()}
	for _, d := range list {
		in.DomainIDs = append(in.DomainIDs, d.ID)
	}
	_, err := s.cfg.Jobs.Enqueue(tx, jobEndSessions, in)
	return err
}

// endSessions does the job. A domain that was released or moved meanwhile is left
// alone: the sessions there are good again.
func (s *Service) endSessions(ctx context.Context, run *job.Run) error {
	var in endingSessions
	var at endedSessions
	if err := errors.Join(run.Input(&in), run.Checkpoint(&at)); err != nil {
		return err
	}
	for at.Domain < len(in.DomainIDs) {
		next := at
		err := run.Step(ctx, func(tx *db.Tx) (job.Progress, error) {
			var err error
			next, err = s.endSome(tx, &in, at)
			return job.Progress{Checkpoint: next, Done: next.Done}, err
		})
		if err != nil {
			return err
		}
		at = next
	}
	return nil
}

// endSome is one step of the job.
func (s *Service) endSome(tx *db.Tx, in *endingSessions, at endedSessions) (endedSessions, error) {
	tx.Recorded() // all of a domain at once, behind its last step
	over := endedSessions{Domain: at.Domain + 1, Done: at.Done}
	d, err := s.directory.DomainOf(tx, in.OrganizationID, in.DomainIDs[at.Domain])
	if errors.Is(err, fault.NotFound) {
		return over, nil
	}
	if err != nil {
		return at, err
	}
	after := ""
	if d.ProfileID == in.ProfileID {
		var n int64
		if n, after, err = s.directory.EndSessionsAtDomain(tx, &d, in.Before, at.After, usersAtOnce); err != nil {
			return at, err
		}
		at.Ended, at.Done = at.Ended+n, at.Done+n
	}
	if after != "" {
		at.After = after
		return at, nil
	}
	over.Done = at.Done
	if at.Ended == 0 {
		return over, nil
	}
	return over, s.directory.SessionsEnded(tx, &d, at.Ended)
}

// jobEndCertificateSessions ends what is left of the sessions that a distrusted
// certificate has verified.
const jobEndCertificateSessions = "end_certificate_sessions"

// sessionBatch is how many of them one transaction ends.
const sessionBatch = 1000

type certificateSessions struct {
	ProfileID      string `json:"sso_profile_id"`
	OrganizationID string `json:"organization_id"`
	SHA256         string `json:"sha256"`
}

// endByCertificate ends the first sessions of a certificate, and leaves more of
// them to the job.
func (s *Service) endByCertificate(tx *db.Tx, in certificateSessions) (ended int64, err error) {
	ended, err = s.signin.Distrust(tx, in.ProfileID, in.SHA256, sessionBatch)
	if err == nil && ended == sessionBatch {
		_, err = s.cfg.Jobs.Enqueue(tx, jobEndCertificateSessions, in)
	}
	return ended, err
}

// endCertificateSessions does the job.
func (s *Service) endCertificateSessions(ctx context.Context, run *job.Run) error {
	var in certificateSessions
	var done int64
	if err := errors.Join(run.Input(&in), run.Checkpoint(&done)); err != nil {
		return err
	}
	for n := int64(sessionBatch); n == sessionBatch; done += n {
		err := run.Step(ctx, func(tx *db.Tx) (p job.Progress, err error) {
			if n, err = s.signin.Distrust(tx, in.ProfileID, in.SHA256, sessionBatch); err != nil {
				return p, err
			}
			if n > 0 {
				err = s.audit.Append(tx, audit.Event{OrganizationID: in.OrganizationID, Action: audit.SessionsEnded,
					Target:  audit.Target{Kind: "sso_profile", ID: in.ProfileID},
					Changes: []audit.Change{{Field: "certificate", Old: in.SHA256}, {Field: "sessions", Old: n}}})
			}
			return job.Progress{Checkpoint: done + n, Done: done + n}, err
		})
		if err != nil {
			return err
		}
	}
	return nil
}
