package web

import (
	"slices"

	"sallyport/internal/directory"
	"sallyport/internal/sso"
)

// A setupStep is one of what a newcomer does, in this order.
type setupStep struct {
	Text, Hint, URL string
	Done, Next      bool // Next: the first that is not done
}

// A setUp is how far an organization is.
type setUp struct {
	domains            []directory.Domain
	verified, enforced int64 // of these
	profiles           []sso.View
	users              directory.UserCounts
	noSSO              bool // not in the edition
}

func (v *visit) setUp() (s setUp, err error) {
	s.noSSO = !v.organization.Edition.IncludesSSO()
	if s.domains, err = v.domains(); err != nil {
		return s, err
	}
	if s.profiles, err = v.web.SSO.Profiles(v.Context(), v.actor(), v.organization.ID, all); err != nil {
		return s, err
	}
	for _, d := range s.domains {
		if d.Status.Held() {
			s.verified++
		}
		if d.ProfileID != "" {
			s.enforced++
		}
	}
	s.users, err = v.web.Directory.CountUsers(v.Context(), v.actor(), v.organization.ID)
	return s, err
}

// steps is the checklist, and whether all of it is done. Those of SSO are about
// the profile that is furthest.
func (s *setUp) steps(f *AdminFrame) (list []setupStep, done bool) {
	order := []sso.State{sso.Draft, sso.Configured, sso.Tested, sso.Enforced}
	rank, path := -1, ""
	for _, p := range s.profiles {
		if at := slices.Index(order, p.State); at > rank {
			rank, path = at, f.Base+"/sso/"+p.ID
		}
	}
	create, test, enforce := f.Base+"/sso/new", "", "" // there is nothing to test without one
	if rank >= 0 {
		create, test, enforce = path+"/"+stepIdP, path+"/"+stepTest, path+"/"+stepEnforce
	}
	configured, tested := rank >= slices.Index(order, sso.Configured), rank >= slices.Index(order, sso.Tested)
	list = []setupStep{
		{Text: f.T("overview.step.domain"), Hint: f.T("overview.step.domain_hint"), URL: s.domainURL(f.Base), Done: s.verified > 0},
		{Text: f.T("overview.step.users"), Hint: f.T("overview.step.users_hint"), URL: f.Base + "/users", Done: s.users.Total > 1},
	}
	if !s.noSSO {
		list = append(list,
			setupStep{Text: f.T("overview.step.profile"), Hint: f.T("overview.step.profile_hint"), URL: create, Done: configured},
			setupStep{Text: f.T("overview.step.test"), Hint: f.T("overview.step.test_hint"), URL: test, Done: tested},
			setupStep{Text: f.T("overview.step.enforce"), Hint: f.T("overview.step.enforce_hint"), URL: enforce, Done: s.enforced > 0})
	}
	done = true
	for i := range list {
		step := &list[i]
		step.Next = done && !step.Done
		done = done && step.Done
	}
	return list, done
}

// domainURL is where the next thing about domains is done.
func (s *setUp) domainURL(base string) string {
	switch len(s.domains) {
	case 0:
		return base + "/domains/new"
	case 1:
		return base + "/domains/" + s.domains[0].ID
	}
	return base + "/domains"
}

// onward leads to the next step of the checklist; to none from its own page, and
// once all are done.
func (v *visit) onward(f *AdminFrame) Link {
	s, err := v.setUp()
	if err != nil {
		// A page is none the worse for it.
		v.web.Logger.Warn("the next step not found", "cause", err)
		return Link{}
	}
	list, _ := s.steps(f)
	for _, step := range list {
		if step.Next && step.URL != v.URL.Path {
			return Link{step.Text, step.URL}
		}
	}
	return Link{}
}
