package web

import (
	"errors"
	"net/http"

	"sallyport/internal/access"
	"sallyport/internal/directory"
	"sallyport/internal/signin"
)

// An adminRoute is one page or form of the Admin Center.
type adminRoute struct {
	methods string // separated by spaces
	path    string // below /admin/{organization}
	action  access.Action
	handle  func(*visit) error
}

// adminRoutes is the table of the Admin Center: every route with the right that
// it needs. Nothing below /admin is served that does not stand here. Where a
// right asks for a fresh sign-in, the same path has to be there for GET: it is
// where the browser comes back to.
func (w *Web) adminRoutes() []adminRoute {
	const page, form = http.MethodGet, http.MethodGet + " " + http.MethodPost
	return []adminRoute{
		{page, "", access.ActOrganizationRead, w.adminOverview},
		{form, "/settings", access.ActOrganizationUpdate, w.adminSettings},
		{page, "/settings/history", access.ActAuditRead, w.adminOrganizationHistory},
		{page, "/roles", access.ActUserRead, w.adminRoles},
		{page, "/audit", access.ActAuditRead, w.adminAudit},
		{page, "/audit/export", access.ActAuditRead, w.adminAuditExport},

		{page, "/activity", access.ActSignInRead, w.adminActivity},
		{page, "/activity/{attempt}", access.ActSignInRead, w.adminAttempt},
		{http.MethodPost, "/activity/{attempt}/reveal", access.ActSignInReveal, w.adminRevealAttempt},
		{http.MethodPost, "/activity/{attempt}/replay", access.ActSignInReplay, w.adminReplayAttempt},

		{page, "/domains", access.ActDomainRead, w.adminDomains},
		{form, "/domains/new", access.ActDomainClaim, w.adminClaimDomain},
		{page, "/domains/{domain}", access.ActDomainRead, w.adminDomain},
		{http.MethodPost, "/domains/{domain}/check", access.ActDomainVerify, w.adminCheckDomain},
		{form, "/domains/{domain}/remove", access.ActDomainDelete, w.adminRemoveDomain},
		{page, "/domains/{domain}/history", access.ActAuditRead, w.adminDomainHistory},

		{form, "/sso/{profile}/test", access.ActProfileTest, w.adminTestConnection},
		{page, "/sso/{profile}/test/{test}", access.ActProfileRead, w.adminTestResult},
		{page, "/sso/{profile}/test/{test}/message", access.ActProfileRead, w.adminTestMessage},
		{form, "/sso/{profile}/setup", access.ActSetupLink, w.adminSetupLinks},
		{form, "/sso/{profile}/setup/{link}/revoke", access.ActSetupLink, w.adminRevokeSetupLink},
		{form, "/sso/{profile}/draft", access.ActProfileWrite, w.adminDraft},
		{form, "/sso/{profile}/draft/discard", access.ActProfileWrite, w.adminDiscardDraft},

		{page, "/users", access.ActUserRead, w.adminUsers},
		{form, "/users/new", access.ActUserCreate, w.adminAddUser},
		{form, "/users/deactivate", access.ActUserUpdate, w.adminDeactivateUsers},
		{form, "/users/reactivate", access.ActUserUpdate, w.adminReactivateUsers},
		{form, "/users/remove", access.ActUserDelete, w.adminRemoveUsers},
		{page, "/imports", access.ActUserCreate, w.adminImports},
		{http.MethodPost, "/imports", access.ActUserCreate, w.adminUpload},
		{http.MethodPost, "/imports/domains", access.ActUserCreate, w.adminImportDomains},
		{page, "/imports/template.csv", access.ActUserCreate, w.adminImportTemplate},
		{page, "/imports/{import}", access.ActUserRead, w.adminImport},
		{page, "/imports/{import}/rows.csv", access.ActUserRead, w.adminImportRows},
		{form, "/imports/{import}/confirm", access.ActUserCreate, w.adminConfirmImport},
		{form, "/imports/{import}/undo", access.ActUserDelete, w.adminUndoImport},

		{page, "/users/{user}", access.ActUserRead, w.adminUser},
		{page, "/users/{user}/history", access.ActAuditRead, w.adminUserHistory},
		{form, "/users/{user}/name", access.ActUserUpdate, w.adminRenameUser},
		{form, "/users/{user}/address", access.ActUserAddress, w.adminChangeAddress},
		{form, "/users/{user}/role", access.ActUserRole, w.adminUserRole},
		{form, "/users/{user}/sso", access.ActUserSSO, w.adminUserSSO},
		{form, "/users/{user}/deactivate", access.ActUserUpdate, w.adminDeactivateUser},
		{form, "/users/{user}/reactivate", access.ActUserUpdate, w.adminReactivateUser},
		{form, "/users/{user}/remove", access.ActUserDelete, w.adminRemoveUser},
		{form, "/users/{user}/sessions", access.ActUserSessions, w.adminEndUserSessions},
		{form, "/users/{user}/invitation", access.ActUserInvite, w.adminResendInvitation},
		{form, "/users/{user}/password", access.ActUserPasswordReset, w.adminSendPasswordReset},
		{form, "/users/{user}/accounts", access.ActAccountWrite, w.adminAddUserToAccount},

		{page, "/users/without-sso", access.ActUserRead, w.adminWithoutSSO},

		{form, "/sso/{profile}/enforce", access.ActEnforce, w.adminEnforce},
		{page, "/sso/{profile}/certificates", access.ActProfileRead, w.adminCertificates},
		{http.MethodPost, "/sso/{profile}/certificates/refresh", access.ActProfileRefresh, w.adminRefreshMetadata},
		{form, "/sso/{profile}/certificates/entity/accept", access.ActProfileTrust, w.adminAcceptEntity},
		{form, "/sso/{profile}/certificates/entity/refuse", access.ActProfileTrust, w.adminRefuseEntity},
		{form, "/sso/{profile}/certificates/{sha256}/approve", access.ActProfileTrust, w.adminApproveCertificate},
		{form, "/sso/{profile}/certificates/{sha256}/refuse", access.ActProfileTrust, w.adminRefuseCertificate},
		{form, "/sso/{profile}/certificates/{sha256}/distrust", access.ActProfileTrust, w.adminDistrustCertificate},
		{page, "/sso", access.ActProfileRead, w.adminProfiles},
		{form, "/sso/new", access.ActProfileWrite, w.adminNewProfile},
		{page, "/sso/{profile}", access.ActProfileRead, w.adminProfile},
		{page, "/sso/{profile}/history", access.ActAuditRead, w.adminProfileHistory},
		{page, "/sso/{profile}/domain", access.ActProfileRead, w.adminProfileDomain},
		{form, "/sso/{profile}/product", access.ActProfileWrite, w.adminProfileProduct},
		{form, "/sso/{profile}/idp", access.ActProfileWrite, w.adminProfileIdP},
		{form, "/sso/{profile}/idp/{reading}", access.ActProfileWrite, w.adminProfileReading},
		{form, "/sso/{profile}/options", access.ActProfileWrite, w.adminProfileOptions},
		{form, "/sso/{profile}/name", access.ActProfileWrite, w.adminRenameProfile},
		{form, "/sso/{profile}/disable", access.ActProfileWrite, w.adminDisableProfile},
		{form, "/sso/{profile}/enable", access.ActProfileWrite, w.adminEnableProfile},
		{form, "/sso/{profile}/remove", access.ActProfileWrite, w.adminRemoveProfile},
		{page, "/sso/{profile}/keys", access.ActProfileRead, w.adminProfileKeys},
		{form, "/sso/{profile}/keys/rotate", access.ActProfileKey, w.adminRotateKey},

		{page, "/accounts", access.ActAccountRead, w.adminAccounts},
		{form, "/accounts/new", access.ActAccountWrite, w.adminCreateAccount},
		{page, "/accounts/{account}", access.ActAccountRead, w.adminAccount},
		{page, "/accounts/{account}/history", access.ActAuditRead, w.adminAccountHistory},
		{form, "/accounts/{account}/name", access.ActAccountWrite, w.adminRenameAccount},
		{form, "/accounts/{account}/archive", access.ActAccountWrite, w.adminArchiveAccount},
		{form, "/accounts/{account}/restore", access.ActAccountWrite, w.adminRestoreAccount},
		{form, "/accounts/{account}/members", access.ActAccountWrite, w.adminAddMember},
		{form, "/accounts/{account}/members/{user}", access.ActAccountWrite, w.adminMemberRoles},
		{form, "/accounts/{account}/members/{user}/remove", access.ActAccountWrite, w.adminRemoveMember},
	}
}

// A visit is a request to the Admin Center by somebody who may make it.
type visit struct {
	*request
	organization directory.Organization
	base         string // path of this Admin Center
	notice       RecoveryNotice
}

// admit lets those in who have the right to a route: owners and administrators
// of the organization. To everybody else it is forbidden, or not there. Who is
// not signed in is led to the login page and back; who has not signed in lately
// is asked to sign in again, where the right wants that.
func (w *Web) admit(route adminRoute) func(*request) error {
	return func(r *request) error {
		identity, err := r.visitor()
		if err != nil {
			return err
		}
		if identity == nil {
			return r.redirect(withReturn("/login", r.here()))
		}
		if !access.Opens(identity.Session.Method, access.RoomAdmin) {
			return r.closed(identity)
		}
		switch v := access.May(r.actor(), route.action, r.PathValue("organization")); v {
		case access.Allowed:
		case access.NotFresh:
			return r.askFresh(r.here())
		default:
			return directory.Refusal(v)
		}
		notice, err := r.recoveryNotice(identity)
		if err != nil {
			return err
		}
		err = route.handle(&visit{r, identity.Organization, "/admin/" + identity.Organization.ID, notice})
		if errors.Is(err, directory.ErrNotFresh) {
			return r.askFresh(r.here())
		}
		return err
	}
}

// here is the page that the request is about: for a form the one that shows it.
func (r *request) here() string {
	path, _ := signin.LocalPath(r.URL.RequestURI())
	return path
}

// An AdminFrame is what every page of the Admin Center shows around its
// content.
type AdminFrame struct {
	Frame
	Base         string // path of this Admin Center
	Organization string // its name
	Section      string // the entry of the navigation that the page belongs to
	Done         string // what was done a moment ago
	Onward       Link   // with Done: what comes next, until everything is set up
	Recovery     RecoveryNotice
	Up           Link // the page above
	Tabs         []Tab
	Stepper      []stepRow   // of the setup that the page is a step of
	Banners      []attention // what needs somebody, on every page
}

// A Link leads somewhere.
type Link struct{ Text, URL string }

// A Tab is one of several pages about the same thing.
type Tab struct {
	Link
	Here bool
}

// adminFrame makes the frame of a page with the title of a key.
func (v *visit) adminFrame(section, key string) AdminFrame {
	f := AdminFrame{Frame: v.room(key, ""), Base: v.base, Organization: v.organization.Name, Section: section, Done: v.done(), Recovery: v.notice}
	if section != "overview" { // which tells more
		f.Banners = v.notices(&f, true)
	}
	if f.Done != "" && (section == "domains" || section == "users") { // those of SSO have a stepper
		f.Onward = v.onward(&f)
	}
	return f
}

// tabs are the pages about one thing: its details, and its history.
func (f *AdminFrame) tabs(path string, history bool) {
	f.Tabs = []Tab{
		{Link{f.T("admin.details"), path}, !history},
		{Link{f.T("admin.history"), path + "/history"}, history},
	}
}

// to answers with the way to a page of this Admin Center.
func (v *visit) to(path string) error { return v.redirect(v.base + path) }
