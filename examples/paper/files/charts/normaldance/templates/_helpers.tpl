{{- define "normaldance.labels" -}}
app.kubernetes.io/part-of: normaldance
app.kubernetes.io/version: {{ .Values.images.tag | quote }}
environment: {{ .Values.environment }}
{{- end }}

{{- define "normaldance.security" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end }}
