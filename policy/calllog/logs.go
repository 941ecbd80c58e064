package calllog

import "sync"

// Logs are the logs of all policies, by name. They outlive configurations. It is
// safe for concurrent use, and no call waits for it: a policy asks once for its
// Log.
type Logs struct {
	mu   sync.Mutex
	logs map[string]*Log
}

// NewLogs makes an empty set.
func NewLogs() *Logs { return &Logs{logs: make(map[string]*Log)} }

// Of gives the log of that name. Where there is none yet, it is made with these
// settings; where there is, they come into force with Log.Configure alone, since
// the configuration that asks may yet be rejected.
func (l *Logs) Of(policy string, s Settings) *Log {
	l.mu.Lock()
	defer l.mu.Unlock()
	log := l.logs[policy]
	if log == nil {
		log = newLog(s)
		l.logs[policy] = log
	}
	return log
}

// Keep drops all logs but those named, whose policies are gone.
func (l *Logs) Keep(policies map[string]bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for name := range l.logs {
		if !policies[name] {
			delete(l.logs, name)
		}
	}
}

// Settle makes entries of the calls that are none yet. It is to be called every so
// often, so that calls do not hold more memory than what is kept of them.
func (l *Logs) Settle() {
	for _, log := range l.all(nil) {
		log.Settle()
	}
}

// all gives the logs, or only that of a policy.
func (l *Logs) all(policy *string) []*Log {
	l.mu.Lock()
	defer l.mu.Unlock()
	if policy != nil {
		if log := l.logs[*policy]; log != nil {
			return []*Log{log}
		}
		return nil
	}
	logs := make([]*Log, 0, len(l.logs))
	for _, log := range l.logs {
		logs = append(logs, log)
	}
	return logs
}
