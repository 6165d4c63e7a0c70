package prom

// SourceProblems sets how many problems a check of the source, such as sections.Check, has
// found: by the key of the section that is affected, or by the empty key if all are. All
// others have none.
func (m *Metrics) SourceProblems(bySection map[string]int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.checked[""] = true
	if m.config.Engine != nil {
		for _, key := range m.config.Engine.Keys() {
			m.checked[key] = true
		}
	}
	for key := range bySection {
		m.checked[key] = true
	}
	for key := range m.checked {
		m.sourceProblems.WithLabelValues(key).Set(float64(bySection[key]))
	}
}
