package api

import (
	"context"
	"net/http"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/fault"
	"sallyport/internal/id"
	"sallyport/internal/sso"
	"sallyport/saml"
)

type testOut struct {
	ID           string             `json:"id"`
	SSOProfileID string             `json:"sso_profile_id"`
	Status       sso.TestStatus     `json:"status" enum:"pending,passed,failed"`
	Code         *string            `json:"code" nullable:"true" doc:"Why it has failed."`
	Draft        bool               `json:"draft" doc:"It is of what a setup link's holder entered, not of the profile as it is."`
	SetupLinkID  *string            `json:"setup_link_id" nullable:"true" doc:"Whose holder asked for it."`
	StartURL     *string            `json:"start_url" nullable:"true" doc:"In the answer to its creation alone. Opened in a browser, once and within 15 minutes, it starts the test. It needs no session: whoever has it can start the test."`
	ExpiresAt    *time.Time         `json:"expires_at" nullable:"true" doc:"Of start_url."`
	Email        *string            `json:"email" nullable:"true" doc:"Whom the message names."`
	UserID       *string            `json:"user_id" nullable:"true"`
	Checks       []testCheckOut     `json:"checks" doc:"In the order of checking."`
	Diagnosis    *diagnosisOut      `json:"diagnosis,omitempty" doc:"What was wrong, and what to change. Not there where nothing is wrong."`
	Attributes   []testAttributeOut `json:"attributes" doc:"What the Identity Provider said besides. Nothing of it is used."`
	Message      *string            `json:"message" nullable:"true" doc:"The decoded message; the first 256 KiB of it."`
	CreatedAt    time.Time          `json:"created_at"`
	StartedAt    *time.Time         `json:"started_at" nullable:"true"`
	AnsweredAt   *time.Time         `json:"answered_at" nullable:"true"`
}

type testCheckOut struct {
	Name     string      `json:"name"`
	Code     string      `json:"code" doc:"With which the check refuses, also where it passed."`
	Status   saml.Status `json:"status" enum:"passed,failed,warning,not_reached"`
	Expected string      `json:"expected"`
	Found    string      `json:"found"`
	Note     string      `json:"note"`
}

type testAttributeOut struct {
	Name   string   `json:"name"`
	Values []string `json:"values"`
}

func showTest(v sso.TestView) testOut {
	out := testOut{ID: v.ID, SSOProfileID: v.ProfileID, Status: v.Status, Code: optional(string(v.Code)), Draft: v.Draft,
		SetupLinkID: optional(v.SetupLinkID), Email: optional(v.Email), UserID: optional(v.UserID), Message: optional(v.Message),
		Checks: showChecks(v.Checks), Diagnosis: showDiagnosis(v.Code, v.Diagnosis), Attributes: []testAttributeOut{},
		CreatedAt: v.CreatedAt, StartedAt: instant(v.StartedAt), AnsweredAt: instant(v.AnsweredAt)}
	for _, a := range v.Attributes {
		out.Attributes = append(out.Attributes, testAttributeOut{a.Name, append([]string{}, a.Values...)})
	}
	return out
}

// maxTests is how many tests of a profile are listed: as many as are kept.
const maxTests = 100

func (a *API) connectionTests() {
	const tag = "SSO profiles"
	profile := []id.Kind{id.SSOProfile}

	type testIn struct {
		Method string `json:"method,omitempty" enum:"operator" doc:"operator: the present configuration counts as tested on the operator's word. Without it a test is prepared, for a browser to start."`
		Draft  bool   `json:"draft,omitempty" doc:"Test what the holder of a setup link has entered. So it is, too, where the profile has no Identity Provider yet."`
	}
	type testProfile struct {
		ID   string  `path:"id"`
		Body *testIn // may be left out
	}
	handle(a, route{id: "test-sso-profile", method: http.MethodPost, path: "/sso-profiles/{id}/tests", tag: tag,
		summary: "Test an SSO profile", action: access.ActProfileTest, kinds: profile, needs: singleSignOn, status: http.StatusCreated},
		func(ctx context.Context, actor access.Actor, in *testProfile) (*body[testOut], error) {
			var asked testIn
			if in.Body != nil {
				asked = *in.Body
			}
			if asked.Method == "operator" {
				if asked.Draft {
					return nil, fault.Invalid(fault.Field{Name: "draft", Message: "can't be vouched for: apply it first"})
				}
				v, err := a.SSO.Vouch(ctx, actor, in.ID)
				return &body[testOut]{showTest(v)}, err
			}
			n, err := a.SSO.NewTest(ctx, actor, in.ID, asked.Draft)
			out := showTest(n.TestView)
			out.StartURL, out.ExpiresAt = optional(n.StartURL), instant(n.ExpiresAt)
			return &body[testOut]{out}, err
		})

	handle(a, route{id: "list-sso-profile-tests", method: http.MethodGet, path: "/sso-profiles/{id}/tests", tag: tag,
		summary: "List the tests of an SSO profile, without what they have found", action: access.ActProfileRead, kinds: profile},
		func(ctx context.Context, actor access.Actor, in *ref) (*body[list[testOut]], error) {
			found, err := a.SSO.Tests(ctx, actor, in.ID, maxTests)
			return listOf(found, -1, showTest, nil), err
		})

	handle(a, route{id: "get-test", method: http.MethodGet, path: "/tests/{id}", tag: tag,
		summary: "Get a test of an SSO profile", action: access.ActProfileRead, kinds: []id.Kind{id.ConnectionTest}},
		func(ctx context.Context, actor access.Actor, in *ref) (*body[testOut], error) {
			v, err := a.SSO.Test(ctx, actor, in.ID)
			return &body[testOut]{showTest(v)}, err
		})
}
