{{- define "lumin.name" -}}
{{ .Values.nameOverride | default .Chart.Name | trunc 46 | trimSuffix "-" }}
{{- end }}

{{- define "lumin.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{ .Values.fullnameOverride }}
{{- else if contains (include "lumin.name" .) .Release.Name -}}
{{ .Release.Name | trunc 46 | trimSuffix "-" }}
{{- else -}}
{{ printf "%s-%s" .Release.Name (include "lumin.name" .) | trunc 46 | trimSuffix "-" }}
{{- end -}}
{{- end }}

{{- define "lumin.checks" -}}
{{- if not .Values.existingSecret }}
{{- if not .Values.database.url }}
{{- fail "database.url is required, or existingSecret" }}
{{- end }}
{{- if and .Values.outboxWorker.enabled (not .Values.nats.url) }}
{{- fail "nats.url is required, or existingSecret, or outboxWorker.enabled=false" }}
{{- end }}
{{- end }}
{{- if lt (int .Values.api.autoscaling.maxReplicas) (int .Values.api.autoscaling.minReplicas) }}
{{- fail "api.autoscaling.maxReplicas is below minReplicas" }}
{{- end }}
{{- if lt (int .Values.taskWorker.autoscaling.maxReplicas) (int .Values.taskWorker.autoscaling.minReplicas) }}
{{- fail "taskWorker.autoscaling.maxReplicas is below minReplicas" }}
{{- end }}
{{- end }}

{{- define "lumin.labels" -}}
app.kubernetes.io/name: {{ include "lumin.name" . | quote }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service | quote }}
helm.sh/chart: "{{ .Chart.Name }}-{{ .Chart.Version }}"
{{- end }}

{{- define "lumin.selector" -}}
app.kubernetes.io/name: {{ include "lumin.name" . | quote }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end }}

{{- define "lumin.secretName" -}}
{{ if .Values.existingSecret }}{{ .Values.existingSecret }}{{ else }}{{ include "lumin.fullname" . }}-secrets{{ end }}
{{- end }}

{{- define "lumin.migrationSecretName" -}}
{{ if .Values.migration.existingSecret }}{{ .Values.migration.existingSecret }}{{ else }}{{ include "lumin.fullname" . }}-migration{{ end }}
{{- end }}

{{- define "lumin.image" -}}
{{- if .Values.image.digest -}}
image: "{{ .Values.image.repository }}@{{ .Values.image.digest }}"
{{- else -}}
image: "{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}"
{{- end }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
{{- end }}

{{- define "lumin.podAnnotations" -}}
# Every upgrade starts new pods, so that none runs with an older configuration or secret.
lumin/revision: {{ .Release.Revision | quote }}
{{- if .Values.podAnnotations }}
{{ toYaml .Values.podAnnotations }}
{{- end }}
{{- end }}

{{- define "lumin.pod" -}}
serviceAccountName: {{ include "lumin.fullname" . }}
automountServiceAccountToken: false
enableServiceLinks: false
securityContext:
  runAsNonRoot: true
  runAsUser: 1000
  runAsGroup: 1000
  seccompProfile:
    type: RuntimeDefault
volumes:
  - name: tmp
    emptyDir:
      sizeLimit: 64Mi
{{- if .Values.image.pullSecrets }}
imagePullSecrets:
  {{- toYaml .Values.image.pullSecrets | nindent 2 }}
{{- end }}
{{- if .Values.nodeSelector }}
nodeSelector:
  {{- toYaml .Values.nodeSelector | nindent 2 }}
{{- end }}
{{- if .Values.tolerations }}
tolerations:
  {{- toYaml .Values.tolerations | nindent 2 }}
{{- end }}
{{- if .Values.affinity }}
affinity:
  {{- toYaml .Values.affinity | nindent 2 }}
{{- end }}
{{- end }}

{{- define "lumin.container" -}}
{{- include "lumin.confined" . }}
envFrom:
  - configMapRef:
      name: {{ include "lumin.fullname" . }}-config
  - secretRef:
      name: {{ include "lumin.secretName" . }}
{{- end }}

{{- define "lumin.confined" -}}
{{- include "lumin.image" . }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities:
    drop: ["ALL"]
volumeMounts:
  - name: tmp
    mountPath: /tmp
{{- end }}

{{- define "lumin.rollout" -}}
revisionHistoryLimit: 5
strategy:
  type: RollingUpdate
  rollingUpdate:
    maxSurge: 1
    maxUnavailable: 0
{{- end }}
