package directory

import (
	"context"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/audit"
	"sallyport/internal/db"
	"sallyport/internal/fault"
	"sallyport/internal/id"
	"sallyport/internal/session"
)

// A NewOrganization is the input of [Service.CreateOrganization].
type NewOrganization struct {
	Name       string
	Edition    Edition // the operator's default if empty
	OwnerEmail string  // invited as its first owner; may be empty
}

// CreateOrganization makes an organization, and invites its owner.
func (s *Service) CreateOrganization(ctx context.Context, actor access.Actor, in NewOrganization) (o Organization, err error) {
	if err := authorize(actor, access.ActOrganizationCreate, ""); err != nil {
		return o, err
	}
	if in.Edition == "" {
		in.Edition = s.cfg.DefaultEdition
	}
	var wrong []fault.Field
	name, why := CleanName(in.Name, true)
	if why != "" {
		wrong = append(wrong, fault.Field{Name: "name", Message: why})
	}
	if !in.Edition.Valid() {
		wrong = append(wrong, fault.Field{Name: "edition", Message: "is standard, administration or enterprise"})
	}
	var owner Address
	if in.OwnerEmail != "" {
		if owner, err = ParseAddress(in.OwnerEmail); err != nil {
			wrong = append(wrong, fault.Field{Name: "owner_email", Message: "is not an e-mail address"})
		}
	}
	if wrong != nil {
		return o, fault.Invalid(wrong...)
	}
	err = s.db.Update(ctx, actor, func(tx *db.Tx) error {
		if o, err = s.newOrganization(tx, name, in.Edition); err != nil {
			return err
		}
		if in.OwnerEmail == "" {
			return nil
		}
		_, err := s.invite(tx, o.ID, owner, NewUser{Role: access.RoleOwner})
		return err
	})
	return o, err
}

// newOrganization makes an organization with nobody in it.
func (s *Service) newOrganization(tx *db.Tx, name string, edition Edition) (Organization, error) {
	o := Organization{
		ID: s.ids.New(id.Organization), Name: name, Edition: edition,
		Limits: session.DefaultLimits, InitialPassword: true, CreatedAt: tx.Now(),
	}
	if err := insertOrganization(tx, &o); err != nil {
		return o, err
	}
	return o, s.audit.Append(tx, audit.Event{
		OrganizationID: o.ID, Action: audit.OrganizationCreated, Target: o.target(),
		Changes: []audit.Change{{Field: "name", New: o.Name}, {Field: "edition", New: o.Edition}},
	})
}

func (o *Organization) target() audit.Target {
	return audit.Target{Kind: "organization", ID: o.ID, Name: o.Name}
}

// OrganizationChange is the input of [Service.UpdateOrganization]; nil leaves a
// field as it is.
type OrganizationChange struct {
	Name               *string
	Edition            *Edition
	SessionIdleMinutes *int64
	SessionMaxMinutes  *int64
	InitialPassword    *bool
}

// UpdateOrganization changes the settings of an organization. Its edition only
// the operator changes.
func (s *Service) UpdateOrganization(ctx context.Context, actor access.Actor, organizationID string, in OrganizationChange) (o Organization, err error) {
	if err := authorize(actor, access.ActOrganizationUpdate, organizationID); err != nil {
		return o, err
	}
	if in.Edition != nil {
		if err := authorize(actor, access.ActEditionSet, organizationID); err != nil {
			return o, err
		}
	}
	err = s.db.Update(ctx, actor, func(tx *db.Tx) error {
		if o, err = s.OrganizationByID(tx, organizationID); err != nil {
			return err
		}
		changes, err := o.apply(in)
		if err != nil || len(changes) == 0 {
			return err
		}
		if err := updateOrganization(tx, &o); err != nil {
			return err
		}
		return s.audit.Append(tx, audit.Event{OrganizationID: o.ID, Action: audit.OrganizationUpdated, Target: o.target(), Changes: changes})
	})
	return o, err
}

// apply changes the organization and returns what has become different.
func (o *Organization) apply(in OrganizationChange) ([]audit.Change, error) {
	var changes []audit.Change
	var wrong []fault.Field
	note := func(field string, old, new any) {
		if old != new {
			changes = append(changes, audit.Change{Field: field, Old: old, New: new})
		}
	}
	if in.Name != nil {
		name, why := CleanName(*in.Name, true)
		if why != "" {
			wrong = append(wrong, fault.Field{Name: "name", Message: why})
		}
		note("name", o.Name, name)
		o.Name = name
	}
	if in.Edition != nil {
		if !in.Edition.Valid() {
			wrong = append(wrong, fault.Field{Name: "edition", Message: "is standard, administration or enterprise"})
		}
		note("edition", o.Edition, *in.Edition)
		o.Edition = *in.Edition
	}
	if in.SessionIdleMinutes != nil {
		if !between(*in.SessionIdleMinutes, session.MinIdle, session.MaxIdle) {
			wrong = append(wrong, fault.Field{Name: "session_idle_minutes", Message: "is between 5 and 1440"})
		}
		note("session_idle_minutes", int64(o.Limits.Idle/time.Minute), *in.SessionIdleMinutes)
		o.Limits.Idle = time.Duration(*in.SessionIdleMinutes) * time.Minute
	}
	if in.SessionMaxMinutes != nil {
		if !between(*in.SessionMaxMinutes, session.MinMax, session.MaxMax) {
			wrong = append(wrong, fault.Field{Name: "session_max_minutes", Message: "is between 15 and 43200"})
		}
		note("session_max_minutes", int64(o.Limits.Max/time.Minute), *in.SessionMaxMinutes)
		o.Limits.Max = time.Duration(*in.SessionMaxMinutes) * time.Minute
	}
	if in.InitialPassword != nil {
		note("initial_password_required", o.InitialPassword, *in.InitialPassword)
		o.InitialPassword = *in.InitialPassword
	}
	if wrong != nil {
		return nil, fault.Invalid(wrong...)
	}
	return changes, nil
}

func between(minutes int64, least, most time.Duration) bool {
	return minutes >= int64(least/time.Minute) && minutes <= int64(most/time.Minute)
}
