{{- define "readiness.name" -}}
{{- if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "readiness.account" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "readiness.name" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "readiness.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end -}}

{{- define "readiness.selector" -}}
app.kubernetes.io/name: {{ .root.Chart.Name }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end -}}

{{- define "readiness.image" -}}
{{- printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag) | quote -}}
{{- end -}}

{{- define "readiness.claim" -}}
{{- default (include "readiness.name" .) .Values.state.existingClaim -}}
{{- end -}}

{{- define "readiness.placement" -}}
{{- with .Values.image.pullSecrets }}
imagePullSecrets: {{- toYaml . | nindent 2 }}
{{- end }}
securityContext: {{- toYaml .Values.podSecurityContext | nindent 2 }}
{{- with .Values.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.affinity }}
affinity: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* The Job that a release and a CronJob have alike. */}}
{{- define "readiness.job" -}}
backoffLimit: 0  # a run that failed is looked at before the next one
activeDeadlineSeconds: {{ .Values.activeDeadlineSeconds }}
template:
  metadata:
    labels:
      {{- include "readiness.labels" . | nindent 6 }}
      app.kubernetes.io/component: run
      {{- with .Values.podLabels }}{{ toYaml . | nindent 6 }}{{ end }}
    {{- with .Values.podAnnotations }}
    annotations: {{- toYaml . | nindent 6 }}
    {{- end }}
  spec:
    serviceAccountName: {{ include "readiness.account" . }}
    restartPolicy: Never
    terminationGracePeriodSeconds: {{ .Values.terminationGracePeriodSeconds }}
    {{- include "readiness.placement" . | nindent 4 }}
    containers:
      - name: readiness
        image: {{ include "readiness.image" . }}
        imagePullPolicy: {{ .Values.image.pullPolicy }}
        command: {{- toYaml .Values.command | nindent 10 }}
        args:
          - run
          - --out
          - {{ .Values.state.path }}/runs
          {{- with .Values.target }}
          - --target
          - /etc/readiness/target.yaml
          {{- end }}
          {{- with .Values.run.release }}
          - --release
          - {{ . | quote }}
          {{- end }}
          {{- range .Values.run.profiles }}
          - --profile
          - {{ . | quote }}
          {{- end }}
          {{- with .Values.run.allowTarget }}
          - --allow-target
          - {{ . | quote }}
          {{- end }}
          {{- with .Values.upload.to }}
          - --upload
          - {{ . | quote }}
          {{- end }}
          {{- range .Values.run.arguments }}
          - {{ . | quote }}
          {{- end }}
        workingDir: {{ .Values.workingDir }}
        env:
          - name: POD_NAME
            valueFrom: {fieldRef: {fieldPath: metadata.name}}
          - name: READINESS_STATE
            value: {{ .Values.state.path }}/state
          - name: HOME
            value: {{ .Values.state.path }}
          {{- with .Values.upload.endpoint }}
          - name: AWS_ENDPOINT_URL
            value: {{ . | quote }}
          {{- end }}
          {{- with .Values.upload.region }}
          - name: AWS_REGION
            value: {{ . | quote }}
          {{- end }}
          {{- with .Values.env }}{{ toYaml . | nindent 10 }}{{ end }}
        {{- if or .Values.envFrom .Values.upload.credentialsSecret }}
        envFrom:
          {{- with .Values.upload.credentialsSecret }}
          - secretRef: {name: {{ . }}}
          {{- end }}
          {{- with .Values.envFrom }}{{ toYaml . | nindent 10 }}{{ end }}
        {{- end }}
        resources: {{- toYaml .Values.resources | nindent 10 }}
        securityContext: {{- toYaml .Values.securityContext | nindent 10 }}
        {{- if .Values.workers.replicas }}
        ports:
          - {name: master, containerPort: {{ .Values.workers.port }}}
        {{- end }}
        volumeMounts:
          - {name: state, mountPath: {{ .Values.state.path }}}
          {{- with .Values.target }}
          - {name: target, mountPath: /etc/readiness}
          {{- end }}
    volumes:
      - name: state
        persistentVolumeClaim: {claimName: {{ include "readiness.claim" . }}}
      {{- with .Values.target }}
      - name: target
        configMap: {name: {{ include "readiness.name" $ }}}
      {{- end }}
{{- end -}}
