package access

import (
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write testdata/rights.txt anew")

// own is the organization of every actor that has one.
const own, other = "acme", "globex"

// A column is an actor of the matrix.
type column struct {
	name  string
	actor Actor
}

func columns() []column {
	all := []column{
		{"anon", Actor{}},
		{"system", System("job")},
		{"setup", Actor{Kind: KindSetupLink, ID: "lnk_1"}},
		{"operator", Operator("command line")},
	}
	for _, s := range Scopes() {
		all = append(all, column{"op:" + string(s), Actor{Kind: KindToken, Operator: true, Role: RoleOwner, Scope: s}})
	}
	for _, role := range []Role{RoleOwner, RoleAdministrator} {
		for _, s := range Scopes() {
			all = append(all, column{fmt.Sprintf("%.2s:%s", role, s), Actor{Kind: KindToken, OrganizationID: own, Role: role, Scope: s}})
		}
	}
	for _, role := range []Role{RoleOwner, RoleAdministrator, RoleMember} {
		for _, fresh := range []bool{true, false} {
			name := strings.TrimSuffix(string(role), "istrator")
			if !fresh {
				name += "-old"
			}
			all = append(all, column{name, Actor{Kind: KindUser, OrganizationID: own, Role: role, Fresh: fresh}})
		}
	}
	all = append(all, column{"recovery", Actor{Kind: KindUser, OrganizationID: own, Role: RoleOwner, Method: MethodRecovery, Fresh: true}})
	return append(all, column{"indep", Actor{Kind: KindUser, Fresh: true}})
}

func actions() (all []Action) {
	for a := range rights {
		all = append(all, a)
	}
	slices.Sort(all)
	return append(all, "no.such_action")
}

var letters = map[Verdict]string{Allowed: "Y", Forbidden: "-", Hidden: "h", NotFresh: "f", Unauthenticated: "u"}

// cell is the verdict on the own organization, another one, the installation
// as a whole, and before it is known whose it is about.
func cell(a Actor, action Action) string {
	return letters[May(a, action, own)] + letters[May(a, action, other)] + letters[May(a, action, "")] + letters[MayAnywhere(a, action)]
}

const legend = `# Who may do what. Each cell has four verdicts: on the actor's own organization,
# on another one, on the installation as a whole, and before it is known whose
# data it is about.
#
#   Y allowed   - forbidden   h hidden: there is no such thing for this actor
#   f after a fresh sign-in   u nobody has signed in
#
# Columns: the operator at the server; op:SCOPE a token of the operator;
# ow:SCOPE and ad:SCOPE a token that an owner or an administrator made; users by
# their role, -old without a fresh sign-in; recovery an owner in a session of
# break-glass; indep a user of no organization.
`

func matrix() string {
	var b strings.Builder
	b.WriteString(legend)
	table := func(title string, token bool) {
		var chosen []column
		for _, c := range columns() {
			if (c.actor.Kind == KindToken) == token {
				chosen = append(chosen, c)
			}
		}
		row := func(head string, value func(column) string) {
			line := fmt.Sprintf("%-24s", head)
			for _, c := range chosen {
				line += fmt.Sprintf(" %-9s", value(c))
			}
			b.WriteString(strings.TrimRight(line, " ") + "\n")
		}
		b.WriteString("\n")
		row(title, func(c column) string { return c.name })
		for _, action := range actions() {
			row(string(action), func(c column) string { return cell(c.actor, action) })
		}
	}
	table("PEOPLE", false)
	table("TOKENS", true)
	return b.String()
}

func TestRightsAreThoseOfTheMatrix(t *testing.T) {
	const file = "testdata/rights.txt"
	got := matrix()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	was, is := strings.Split(string(want), "\n"), strings.Split(got, "\n")
	for i := range max(len(was), len(is)) {
		if a, b := at(was, i), at(is, i); a != b {
			t.Errorf("line %d\n was %s\n  is %s", i+1, a, b)
		}
	}
}

func at(lines []string, i int) string {
	if i < len(lines) {
		return lines[i]
	}
	return "(nothing)"
}

// TestEveryActionHasARight finds an action that was named and forgotten in the
// table: it would be denied to everybody.
func TestEveryActionHasARight(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "may.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	ast.Inspect(file, func(node ast.Node) bool {
		spec, ok := node.(*ast.ValueSpec)
		if !ok || fmt.Sprint(spec.Type) != "Action" {
			return true
		}
		value, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := rights[Action(value)]; !ok {
			t.Errorf("%s has no right", spec.Names[0])
		}
		n++
		return true
	})
	if n != len(rights) {
		t.Errorf("%d actions, %d rights", n, len(rights))
	}
}

// allowed lists the actions that an actor may take on its own organization, of
// those with one of the prefixes.
func allowed(a Actor, prefixes ...string) (list []string) {
	for _, action := range actions() {
		for _, p := range prefixes {
			if strings.HasPrefix(string(action), p) && May(a, action, own) == Allowed {
				list = append(list, string(action))
			}
		}
	}
	return list
}

// TestScopes holds the rights against the sentences of the contract, so that
// the matrix is not only what the code happens to do.
func TestScopes(t *testing.T) {
	ownersToken := func(s Scope) Actor {
		return Actor{Kind: KindToken, OrganizationID: own, Role: RoleOwner, Scope: s}
	}
	for _, c := range []struct {
		sentence string
		actor    Actor
		prefixes []string
		want     string
	}{
		{"read changes nothing", ownersToken(ScopeRead), []string{""},
			"[account.read audit.read domain.read explain organization.read sign_in.read sign_in.replay sso_profile.read user.read]"},
		{"users changes no organization role and no sso", ownersToken(ScopeUsers), []string{"user.", "sso_profile."},
			"[user.address user.create user.delete user.invite user.password_reset user.read user.sessions user.update]"},
		{"users manages accounts", ownersToken(ScopeUsers), []string{"account."}, "[account.read account.write]"},
		{"sso reads users only", ownersToken(ScopeSSO), []string{"user."}, "[user.read]"},
		{"sso has profiles and enforcement", ownersToken(ScopeSSO), []string{"sso_profile.", "domain."},
			"[domain.enforce domain.read sso_profile.key sso_profile.read sso_profile.refresh sso_profile.setup sso_profile.test sso_profile.trust sso_profile.write]"},
		{"audit reads the log", ownersToken(ScopeAudit), []string{""}, "[audit.read organization.read sign_in.read]"},
		{"tokens need admin", ownersToken(ScopeAdmin), []string{"token."},
			"[token.create token.create_read token.delete token.read]"},
		{"tokens of no other scope make tokens", ownersToken(ScopeUsers), []string{"token."}, "[]"},
		{"an administrator makes tokens that read", Actor{Kind: KindUser, OrganizationID: own, Role: RoleAdministrator, Fresh: true},
			[]string{"token."}, "[token.create_read token.delete token.read]"},
		{"only owners appoint owners", Actor{Kind: KindUser, OrganizationID: own, Role: RoleAdministrator, Fresh: true},
			[]string{"user.o", "user.r"}, "[user.read user.role]"},
		{"a recovery makes no token and codes anew", Actor{Kind: KindUser, OrganizationID: own, Role: RoleOwner, Method: MethodRecovery, Fresh: true},
			[]string{"token.", "recovery."}, "[recovery.codes token.delete token.read]"},
		{"a member administers nothing", Actor{Kind: KindUser, OrganizationID: own, Role: RoleMember, Fresh: true}, []string{""}, "[]"},
	} {
		if got := fmt.Sprint(allowed(c.actor, c.prefixes...)); got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.sentence, got, c.want)
		}
	}
}

// places are the organizations that a verdict is asked about.
var places = []string{own, other, ""}

func TestATokenNeverExceedsItsMaker(t *testing.T) {
	for _, action := range actions() {
		for _, place := range places {
			for _, scope := range append(Scopes(), "", "root") {
				for _, role := range []Role{RoleOwner, RoleAdministrator, RoleMember, ""} {
					token := Actor{Kind: KindToken, OrganizationID: own, Role: role, Scope: scope}
					maker := Actor{Kind: KindUser, OrganizationID: own, Role: role, Fresh: true}
					if May(token, action, place) == Allowed && May(maker, action, place) != Allowed {
						t.Errorf("a token %q may %s on %q, its maker %q may not", scope, action, place, role)
					}
				}
				token := Actor{Kind: KindToken, Operator: true, Role: RoleOwner, Scope: scope}
				if May(token, action, place) == Allowed && May(Operator("x"), action, place) != Allowed {
					t.Errorf("an operator's token %q may %s on %q, the operator may not", scope, action, place)
				}
			}
		}
	}
}

func TestWhatIsMoreIsNeverLess(t *testing.T) {
	implies := func(what string, less, more Actor) {
		t.Helper()
		for _, action := range actions() {
			for _, place := range places {
				if May(less, action, place) == Allowed && May(more, action, place) != Allowed {
					t.Errorf("%s: %s on %q", what, action, place)
				}
			}
		}
	}
	for _, c := range columns() {
		wide := c.actor
		wide.Scope = ScopeAdmin
		if c.actor.Kind == KindToken {
			implies(c.name+" with the scope admin", c.actor, wide)
		}
		fresh := c.actor
		fresh.Fresh = true
		implies(c.name+", fresh", c.actor, fresh)
		owner := c.actor
		if owner.Role != "" {
			owner.Role = RoleOwner
		}
		implies(c.name+", as an owner", c.actor, owner)
	}
}

func TestNobodyMayAnything(t *testing.T) {
	nobodies := map[string]Actor{
		"anonymous":                     {},
		"anonymous with an address":     {Address: "192.0.2.1", Agent: "x"},
		"anonymous that claims a role":  {Role: RoleOwner, OrganizationID: own, Fresh: true, Scope: ScopeAdmin},
		"an unknown kind":               {Kind: "robot", OrganizationID: own, Role: RoleOwner, Scope: ScopeAdmin},
		"a token without scope":         {Kind: KindToken, OrganizationID: own, Role: RoleOwner},
		"a token without maker's role":  {Kind: KindToken, OrganizationID: own, Scope: ScopeAdmin},
		"a user without role":           {Kind: KindUser, OrganizationID: own, Fresh: true, Scope: ScopeAdmin},
		"a user with an invented role":  {Kind: KindUser, OrganizationID: own, Fresh: true, Role: "king"},
		"a member with a token's scope": {Kind: KindUser, OrganizationID: own, Fresh: true, Role: RoleMember, Scope: ScopeAdmin},
	}
	for name, a := range nobodies {
		for _, action := range actions() {
			if MayAnywhere(a, action) == Allowed {
				t.Errorf("%s may %s", name, action)
			}
			for _, place := range places {
				if v := May(a, action, place); v == Allowed || v == NotFresh {
					t.Errorf("%s: %s on %q is %s", name, action, place, v)
				}
			}
		}
	}
	for _, action := range actions() {
		if v := MayAnywhere(Actor{}, action); v != Unauthenticated {
			t.Errorf("anonymous: %s is %s", action, v)
		}
	}
}

func TestAnUnknownActionIsDeniedToEverybody(t *testing.T) {
	for _, c := range columns() {
		for _, action := range []Action{"", "no.such_action", "organization", "user.", "USER.READ"} {
			for _, place := range places {
				if v := May(c.actor, action, place); v != Forbidden && v != Unauthenticated {
					t.Errorf("%s: %q on %q is %s", c.name, action, place, v)
				}
			}
		}
	}
}

func TestAnotherTenantIsHidden(t *testing.T) {
	for _, c := range columns() {
		if c.actor.Operator || c.actor.Kind == KindSystem {
			continue
		}
		for _, action := range actions() {
			anywhere := MayAnywhere(c.actor, action)
			for _, place := range []string{other, ""} {
				v := May(c.actor, action, place)
				if place == "" && rights[action].independent {
					continue // about no tenant
				}
				if anywhere == Allowed && v != Hidden || anywhere != Allowed && v != anywhere {
					t.Errorf("%s: %s on %q is %s, before that %s", c.name, action, place, v, anywhere)
				}
			}
		}
	}
}

func TestMayAnywhereForgetsOnlyThePlace(t *testing.T) {
	for _, c := range columns() {
		for _, action := range actions() {
			v := May(c.actor, action, own)
			if (MayAnywhere(c.actor, action) == Allowed) != (v == Allowed || v == NotFresh || v == Hidden) {
				t.Errorf("%s: %s: %s on the own organization, %s anywhere", c.name, action, v, MayAnywhere(c.actor, action))
			}
		}
	}
}

func TestRolesThatAdminister(t *testing.T) {
	if !RoleOwner.Administers() || !RoleAdministrator.Administers() || RoleMember.Administers() || Role("").Administers() {
		t.Error("owners and administrators, nobody else")
	}
}
