package api

import (
	"context"
	"net/http"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/fault"
	"sallyport/internal/id"
	"sallyport/internal/sso"
	"sallyport/internal/token"
)

type keyOut struct {
	ID          string       `json:"id"`
	State       sso.KeyState `json:"state" enum:"next,current,previous" doc:"current signs; all of them decrypt and stand in our metadata."`
	SHA256      string       `json:"sha256" doc:"Of the certificate."`
	Subject     string       `json:"subject"`
	NotAfter    time.Time    `json:"not_after"`
	Certificate string       `json:"certificate" doc:"PEM."`
	CreatedAt   time.Time    `json:"created_at"`
	ActiveAt    time.Time    `json:"active_at" doc:"From when on it is used."`
	RemoveAt    *time.Time   `json:"remove_at" nullable:"true" doc:"When it goes; null if it has no successor."`
}

func showKey(k sso.KeyView) keyOut {
	return keyOut{
		ID: k.ID, State: k.State, SHA256: k.SHA256(), Subject: k.Certificate.Subject.String(), NotAfter: k.Certificate.NotAfter.UTC(),
		Certificate: certificatePEM(k.Certificate.Raw),
		CreatedAt:   k.CreatedAt, ActiveAt: k.ActiveAt, RemoveAt: instant(k.RemoveAt),
	}
}

// delay reads when a new key is used: after a duration, or at once with 0.
func delay(text *string) (time.Duration, error) {
	switch {
	case text == nil:
		return sso.DefaultKeyDelay, nil
	case *text == "0":
		return 0, nil
	}
	d, err := token.ParseLife(*text)
	if err == nil && d == 0 {
		d = sso.DefaultKeyDelay
	}
	if err != nil {
		err = fault.Invalid(fault.Field{Name: "delay", Message: err.Error() + ", or 0"})
	}
	return d, err
}

func (a *API) keys() {
	const tag = "SSO profiles"
	profile := []id.Kind{id.SSOProfile}

	handle(a, route{id: "list-sso-profile-keys", method: http.MethodGet, path: "/sso-profiles/{id}/keys", tag: tag,
		summary: "List our keys of an SSO profile", action: access.ActProfileRead, kinds: profile},
		func(ctx context.Context, actor access.Actor, in *ref) (*body[list[keyOut]], error) {
			found, err := a.SSO.Keys(ctx, actor, in.ID)
			return listOf(found, -1, showKey, nil), err
		})

	type rotateKey struct {
		ID   string `path:"id"`
		Body struct {
			Delay *string `json:"delay,omitempty" doc:"How long the new key is only shown before it is used: 7d (the default), 12h, 30m, or 0. Its predecessor goes a week after that."`
		}
	}
	handle(a, route{id: "rotate-sso-profile-key", method: http.MethodPost, path: "/sso-profiles/{id}/keys", tag: tag,
		summary: "Make a new key for an SSO profile", action: access.ActProfileKey, kinds: profile, status: http.StatusCreated},
		func(ctx context.Context, actor access.Actor, in *rotateKey) (*body[keyOut], error) {
			after, err := delay(in.Body.Delay)
			if err != nil {
				return nil, err
			}
			k, err := a.SSO.RotateKey(ctx, actor, in.ID, after)
			if err != nil {
				return nil, err
			}
			return &body[keyOut]{showKey(k)}, nil
		})

	type resealOut struct {
		Resealed int `json:"resealed" doc:"How many values stood under an older key."`
	}
	handle(a, route{id: "reseal-secrets", method: http.MethodPost, path: "/keys/reseal", tag: "Installation",
		summary: "Encrypt secrets again with the current key-encryption key", action: access.ActSecretsReseal},
		func(ctx context.Context, actor access.Actor, _ *none) (*body[resealOut], error) {
			n, err := a.SSO.Reseal(ctx, actor)
			return &body[resealOut]{resealOut{n}}, err
		})
}
