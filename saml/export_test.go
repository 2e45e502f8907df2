package saml

import "time"

// SleepBy has a refusal that must not tell by its time wait by f.
func (sp *ServiceProvider) SleepBy(f func(time.Duration)) { sp.sleep = f }
