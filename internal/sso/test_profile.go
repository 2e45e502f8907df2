package sso

import (
	"context"

	"sallyport/internal/access"
	"sallyport/internal/audit"
	"sallyport/internal/db"
	"sallyport/internal/id"
)

// Vouch counts the present configuration of a profile as tested, on the
// operator's word.
func (s *Service) Vouch(ctx context.Context, actor access.Actor, profileID string) (v TestView, err error) {
	err = s.db.Update(ctx, actor, func(tx *db.Tx) error {
		p, err := s.profile(tx, actor, access.ActProfileVouch, profileID)
		if err != nil {
			return err
		}
		if err := s.requireSSO(tx, p.OrganizationID); err != nil {
			return err
		}
		if p.EntityID == "" {
			return errNoIdP()
		}
		p.TestedHash, p.TestedAt = p.hash(), tx.Now()
		if err := updateProfile(tx, &p); err != nil {
			return err
		}
		t := Test{ID: s.ids.New(id.ConnectionTest), ProfileID: p.ID, OrganizationID: p.OrganizationID, AskedBy: actor.Name, Status: TestPassed, CreatedAt: tx.Now()}
		if err := insertTest(tx, &t, id.Hash(s.ids.Token())); err != nil {
			return err
		}
		v = TestView{Test: t, IdP: p.IdP}
		return s.audit.Append(tx, audit.Event{OrganizationID: p.OrganizationID, Action: audit.ProfileTested, Target: p.target(),
			Changes: []audit.Change{{Field: "method", New: "operator"}}})
	})
	return v, err
}
