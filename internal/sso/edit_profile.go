package sso

import (
	"context"
	"fmt"
	"reflect"
	"slices"

	"sallyport/internal/access"
	"sallyport/internal/audit"
	"sallyport/internal/db"
	"sallyport/internal/directory"
	"sallyport/internal/fault"
	"sallyport/internal/id"
	"sallyport/saml"
)

// maxProfiles is how many SSO profiles an organization may have.
const maxProfiles = 100

// A View is a profile as doors show it.
type View struct {
	Profile
	State    State
	Warnings []Warning
}

func (s *Service) view(tx *db.Tx, p Profile) (View, error) {
	domains, err := s.directory.EnforcedWith(tx, p.ID)
	enforced := len(domains) > 0
	return View{Profile: p, State: p.State(enforced), Warnings: p.Warnings(tx.Now(), enforced)}, err
}

func authorize(actor access.Actor, action access.Action, organizationID string) error {
	return directory.Refusal(access.May(actor, action, organizationID))
}

// Create makes an SSO profile: a draft, unless the Identity Provider's data
// come with it.
func (s *Service) Create(ctx context.Context, actor access.Actor, organizationID string, in Input) (v View, err error) {
	if err := authorize(actor, access.ActProfileWrite, organizationID); err != nil {
		return v, err
	}
	if err := in.authorizeManaged(actor, organizationID); err != nil {
		return v, err
	}
	if err := s.lookAhead(ctx, &in, &Profile{OrganizationID: organizationID, Options: DefaultOptions()}); err != nil {
		return v, err
	}
	profileID := s.ids.New(id.SSOProfile)
	pair, err := s.newKeyPair(keyName(profileID))
	if err != nil {
		return v, err
	}
	err = s.db.Update(ctx, actor, func(tx *db.Tx) error {
		if err := s.requireSSO(tx, organizationID); err != nil {
			return err
		}
		n, err := countProfiles(tx, organizationID)
		if err != nil {
			return err
		}
		if n >= maxProfiles {
			return fault.Newf(fault.Conflict, "An organization has at most %d SSO profiles.", maxProfiles)
		}
		p := Profile{
			ID: profileID, OrganizationID: organizationID, IdP: "other", ManagedBy: ManagedByOrganization,
			Options: DefaultOptions(), Version: 1, CreatedAt: tx.Now(),
		}
		if in.Name == nil {
			return fault.Invalid(fault.Field{Name: "name", Message: "is needed"})
		}
		l := ledger{standings: make(map[string]*standing)}
		if err := in.apply(&p, &l, tx.Now()); err != nil {
			return err
		}
		if err := insertProfile(tx, &p); err != nil {
			return err
		}
		if err := in.putSource(tx, &p, &l); err != nil {
			return err
		}
		if err := s.audit.Append(tx, audit.Event{OrganizationID: organizationID, Action: audit.ProfileCreated, Target: p.target(),
			Changes: differences(&Profile{}, &p)}); err != nil {
			return err
		}
		if _, err := s.createKey(tx, &p, pair); err != nil {
			return err
		}
		v, err = s.view(tx, p)
		return err
	})
	return v, err
}

func (s *Service) requireSSO(tx *db.Tx, organizationID string) error {
	o, err := s.directory.OrganizationByID(tx, organizationID)
	if err != nil {
		return err
	}
	return o.RequireSSO()
}

// authorizeManaged lets only the operator say who manages a profile.
func (in *Input) authorizeManaged(actor access.Actor, organizationID string) error {
	if in.ManagedBy == nil {
		return nil
	}
	return authorize(actor, access.ActProfileManage, organizationID)
}

// profile returns a profile for an actor who may take an action on it. What the
// operator manages the organization's own people only read.
func (s *Service) profile(tx *db.Tx, actor access.Actor, action access.Action, profileID string) (Profile, error) {
	p, err := profileByID(tx, profileID)
	if err != nil {
		return p, err
	}
	if err := authorize(actor, action, p.OrganizationID); err != nil {
		return p, err
	}
	if p.ManagedBy == ManagedByOperator && !actor.Operator && action != access.ActProfileRead {
		return p, fault.New(fault.Forbidden, "The operator manages this SSO profile.")
	}
	return p, nil
}

// Update changes a profile. What is enforced goes on being enforced; where the
// change matters, the profile needs a new test, and the answer's warnings say
// so.
func (s *Service) Update(ctx context.Context, actor access.Actor, profileID string, in Input) (v View, err error) {
	if in.MetadataURL != nil {
		var p Profile
		err := s.db.View(ctx, func(tx *db.Tx) (err error) {
			p, err = s.changeable(tx, actor, profileID)
			return err
		})
		if err != nil {
			return v, err
		}
		if err := s.lookAhead(ctx, &in, &p); err != nil {
			return v, err
		}
	}
	err = s.db.Update(ctx, actor, func(tx *db.Tx) error {
		p, err := s.profile(tx, actor, access.ActProfileWrite, profileID)
		if err != nil {
			return err
		}
		if err := in.authorizeManaged(actor, p.OrganizationID); err != nil {
			return err
		}
		old := p
		old.Certificates = slices.Clone(p.Certificates)
		l, err := ledgerOf(tx, p.ID)
		if err != nil {
			return err
		}
		if err := in.apply(&p, &l, tx.Now()); err != nil {
			return err
		}
		if in.State != nil || !onlyAddsCertificates(&old, &p) {
			if err := s.requireSSO(tx, p.OrganizationID); err != nil {
				return err
			}
		}
		if in.State != nil {
			if err := s.switchState(tx, &p, *in.State); err != nil {
				return err
			}
		}
		if err := in.putSource(tx, &p, &l); err != nil {
			return err
		}
		changes, action := differences(&old, &p), audit.ProfileUpdated
		if p.Disabled != old.Disabled {
			if action = audit.ProfileEnabled; p.Disabled {
				action = audit.ProfileDisabled
			}
		}
		if len(changes) > 0 {
			if err := updateProfile(tx, &p); err != nil {
				return err
			}
			if err := s.audit.Append(tx, audit.Event{OrganizationID: p.OrganizationID, Action: action, Target: p.target(), Changes: changes}); err != nil {
				return err
			}
		}
		v, err = s.view(tx, p)
		return err
	})
	return v, err
}

// switchState disables a profile that nobody depends on, or takes that back.
func (s *Service) switchState(tx *db.Tx, p *Profile, to State) error {
	switch to {
	case Disabled:
		p.Disabled = true
		return s.unused(tx, p)
	case Configured:
		p.Disabled = false
		return nil
	}
	return fault.Invalid(fault.Field{Name: "state", Message: "can be set to disabled or configured"})
}

// unused refuses what would lock out those who sign in with the profile.
func (s *Service) unused(tx *db.Tx, p *Profile) error {
	domains, err := s.directory.EnforcedWith(tx, p.ID)
	if err != nil {
		return err
	}
	if len(domains) > 0 {
		return fault.Newf(fault.SSOProfileInUse, "The domain %s is enforced with this SSO profile.", domains[0].Name)
	}
	u, any, err := s.directory.Pilot(tx, p.ID)
	if err != nil {
		return err
	}
	if any {
		return fault.Newf(fault.SSOProfileInUse, "The user %s signs in with this SSO profile.", u.Email)
	}
	return nil
}

// Delete deletes a profile that nobody depends on.
func (s *Service) Delete(ctx context.Context, actor access.Actor, profileID string) error {
	return s.db.Update(ctx, actor, func(tx *db.Tx) error {
		p, err := s.profile(tx, actor, access.ActProfileWrite, profileID)
		if err != nil {
			return err
		}
		if err := s.requireSSO(tx, p.OrganizationID); err != nil {
			return err
		}
		if err := s.unused(tx, &p); err != nil {
			return err
		}
		if err := deleteProfile(tx, p.ID); err != nil {
			return err
		}
		return s.audit.Append(tx, audit.Event{OrganizationID: p.OrganizationID, Action: audit.ProfileDeleted, Target: p.target()})
	})
}

// onlyAddsCertificates reports whether a change does nothing but add
// certificates: it keeps sign-ins alive, whatever the edition.
func onlyAddsCertificates(old, new *Profile) bool {
	for _, c := range old.Certificates {
		if !slices.ContainsFunc(new.Certificates, func(n Certificate) bool { return n.SHA256 == c.SHA256 }) {
			return false
		}
	}
	a, b := *old, *new
	a.Certificates, b.Certificates = nil, nil
	return reflect.DeepEqual(a, b)
}

// differences lists what a change changes, for the audit log.
func differences(old, new *Profile) []audit.Change {
	var changes []audit.Change
	note := func(field string, a, b any) {
		if !reflect.DeepEqual(a, b) {
			changes = append(changes, audit.Change{Field: field, Old: a, New: b})
		}
	}
	note("name", old.Name, new.Name)
	note("notes", old.Notes, new.Notes)
	note("idp", old.IdP, new.IdP)
	note("managed_by", old.ManagedBy, new.ManagedBy)
	note("disabled", old.Disabled, new.Disabled)
	note("metadata_url", old.MetadataURL, new.MetadataURL)
	note("idp_entity_id", old.EntityID, new.EntityID)
	note("idp_sso", locations(old.SSO), locations(new.SSO))
	note("idp_slo", locations(old.SLO), locations(new.SLO))
	note("certificates", fingerprints(old), fingerprints(new))
	before, after := reflect.ValueOf(old.Options), reflect.ValueOf(new.Options)
	for i := range before.NumField() {
		note("options."+before.Type().Field(i).Tag.Get("json"), before.Field(i).Interface(), after.Field(i).Interface())
	}
	return changes
}

func locations(endpoints []saml.Endpoint) []string {
	list := []string{}
	for _, ep := range endpoints {
		one := fmt.Sprintf("%s %s", ep.Binding, ep.Location)
		if ep.ResponseLocation != "" {
			one += " " + ep.ResponseLocation
		}
		list = append(list, one)
	}
	return list
}

func fingerprints(p *Profile) []string {
	list := []string{}
	for _, c := range p.Certificates {
		list = append(list, c.SHA256)
	}
	return list
}
