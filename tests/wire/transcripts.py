"""What somebody types at kubectl, topic by topic; tests/golden/kubectl holds what is answered. `! ` goes before what is refused."""

DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {app: web}}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: c, image: "nginx:1", ports: [{containerPort: 80}]}]}
"""
TWO_MAPS = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: one, labels: {set: s}}
data: {a: "1"}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: two, labels: {set: s}}
data: {b: "2"}
"""
ONE_MAP = TWO_MAPS.partition("---")[0]
NODE = '{"apiVersion":"v1","kind":"Node","metadata":{"name":"n1","labels":{"zone":"a"}}}'
ROLES = """\
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: reader, namespace: default}
rules: [{apiGroups: [""], resources: [pods], verbs: [get, list]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: read, namespace: default}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: reader}
subjects: [{kind: User, name: eve, apiGroup: rbac.authorization.k8s.io}]
"""

EVE = (  # a request for a certificate of user eve, PEM in base64
    "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURSBSRVFVRVNULS0tLS0KTUlISU1IQUNBUUF3RGpFTU1Bb0dBMVVFQXd3RFpYWmxNRmt3RXdZ"
    "SEtvWkl6ajBDQVFZSUtvWkl6ajBEQVFjRApRZ0FFM0JKRDlOTUVGNVpGcFFvaCtWbUh0SlhrdXgzNHkzTnl1MURmTWJQWHlCWTRx"
    "WW9QT3R5aG9uU0lUdHRWCjlDNE1IU0xtQzhsSVQwQ25lMXcvT041Slc2QUFNQW9HQ0NxR1NNNDlCQU1DQTBnQU1FVUNJUUM3MUYx"
    "STkwTlEKSmpxR3pRcUJKaEpMMHNQSmFNOC8yRTNSc1lHZ1QxWFBqZ0lnYnExU2R2QWpIL2lweVYwamZqNUgxanNOZS83Sgp6UnJl"
    "QWxFcVk2bWN6UFk9Ci0tLS0tRU5EIENFUlRJRklDQVRFIFJFUVVFU1QtLS0tLQo="
)
REQUEST = f"""\
apiVersion: certificates.k8s.io/v1
kind: CertificateSigningRequest
metadata: {{name: eve}}
spec: {{request: {EVE}, signerName: kubernetes.io/kube-apiserver-client, usages: [client auth]}}
"""

RUNNING = """{"status": {"phase": "Running", "podIP": "192.0.2.7", "hostIP": "192.0.2.1", "startTime": "2026-01-01T00:00:00Z",
"conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"}],
"initContainerStatuses": [{"name": "prepare", "image": "busybox", "imageID": "", "ready": true, "restartCount": 0,
"state": {"terminated": {"exitCode": 0, "reason": "Completed", "startedAt": "2026-01-01T00:00:00Z", "finishedAt": "2026-01-01T00:00:01Z"}}}],
"containerStatuses": [{"name": "main", "image": "nginx:1", "imageID": "i", "ready": true, "started": true, "restartCount": 2,
"containerID": "containerd://c", "state": {"running": {"startedAt": "2026-01-01T00:00:02Z"}},
"lastState": {"terminated": {"exitCode": 137, "reason": "OOMKilled", "startedAt": "2026-01-01T00:00:01Z", "finishedAt": "2026-01-01T00:00:02Z"}}}]}}"""
EXTENDED = """\
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: ships.sea.example.com}
spec:
  group: sea.example.com
  scope: Namespaced
  names: {plural: ships, kind: Ship, shortNames: [sh], categories: [fleet]}
  versions:
  - name: v1
    served: true
    storage: true
    additionalPrinterColumns: [{name: Crew, type: integer, jsonPath: .spec.crew}]
    subresources: {status: {}, scale: {specReplicasPath: .spec.crew, statusReplicasPath: .status.crew}}
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec: {type: object, required: [crew], properties: {crew: {type: integer, minimum: 1, description: Hands on deck.}}}
          status: {type: object, properties: {crew: {type: integer}}}
"""
SHIP = "apiVersion: sea.example.com/v1\nkind: Ship\nmetadata: {name: knarr}\nspec: {crew: 6}\n"

Line = tuple[str, str] | str  # a command, with its standard input where it has one

TOPICS: dict[str, tuple[Line, ...]] = {
    "create": (
        "create namespace shop", "create serviceaccount runner",
        "create configmap settings --from-literal=a=1 --from-literal=b=2", "create secret generic keys --from-literal=k=v",
        "create secret docker-registry pull --docker-server=r.example.com --docker-username=u --docker-password=p",
        "create deployment web --image=nginx:1 --replicas=2 --port=80", "create job once --image=busybox -- echo hello",
        "create cronjob nightly --image=busybox --schedule=@daily -- echo hello", "create job now --from=cronjob/nightly",
        "create service clusterip inner --tcp=80:8080", "create service nodeport outer --tcp=80 --node-port=30123",
        "create service loadbalancer far --tcp=443", "create service externalname away --external-name=example.com",
        "create ingress front --class=nginx --rule=shop.example.com/*=inner:80,tls=cert",
        "create poddisruptionbudget two --selector=app=web --min-available=2", "create quota small --hard=pods=9,requests.cpu=2",
        "create priorityclass urgent --value=1000 --description=first", "create role reader --verb=get,list --resource=pods,pods/log",
        "create clusterrole looker --verb=get --resource=nodes --non-resource-url=/logs/*",
        "create rolebinding read --role=reader --user=eve --serviceaccount=default:runner",
        "create clusterrolebinding look --clusterrole=looker --group=devs", "! create configmap settings",
        "! create deployment Web --image=nginx", "! create quota bad --hard=pods=many", "! create namespace shop",
        "run one --image=busybox --labels=a=b -- sleep 9", "expose deployment web --port=80 --target-port=8080",
        "autoscale deployment web --min=1 --max=5 --cpu-percent=70",
        "get serviceaccounts,configmaps,secrets,deployments,jobs,cronjobs,services,ingresses,pdb,quota,roles,rolebindings,pods,hpa",
        "get namespace/shop priorityclass/urgent clusterrole/looker clusterrolebinding/look -o name",
    ),
    "output": (
        ("apply -f -", DEPLOYMENT), "get deploy web", "get deploy web -o wide", "get deploy web -o name",
        "get deploy web -o yaml", "get deploy web -o jsonpath={.spec.template.spec.containers[*].image}",
        "get deploy -o custom-columns=NAME:.metadata.name,IMAGE:.spec.template.spec.containers[0].image",
        "get deploy web --template={{.metadata.name}}:{{.spec.replicas}}", "get deploy --no-headers --show-labels", "get deploy -L app",
        "get deploy --show-kind", "get deploy -A --sort-by=.metadata.name", "get deploy -l app=web,tier!=db -o name",
        "get deploy -l 'app notin (web)'", "! get deploy -l 'app=('", "! get deploy --field-selector=spec.replicas=2", "get ns --field-selector=metadata.name=default",
        "! get deploy nope", "get deploy nope --ignore-not-found", "! get nope", "get --raw /api/v1/namespaces/default/configmaps?limit=1",
        "! get --raw /api/v1/nope", "describe deploy web", "describe ns default", "get events", "delete deploy web",
    ),
    "apply": (
        ("apply -f -", TWO_MAPS), ("apply -f -", TWO_MAPS), ("diff -f -", TWO_MAPS), ("! diff --server-side -f -", TWO_MAPS.replace('"2"', '"3"')),
        ("apply --prune -l set=s --prune-allowlist=core/v1/ConfigMap -f -", ONE_MAP), "get cm -l set=s -o name",
        ("apply --server-side --field-manager=mine -f -", ONE_MAP.replace("one", "served")),
        ("! apply --server-side --field-manager=theirs -f -", ONE_MAP.replace("one", "served").replace('"1"', '"5"')),
        ("apply --server-side --field-manager=theirs --force-conflicts -f -", ONE_MAP.replace("one", "served").replace('"1"', '"5"')),
        "get cm served -o jsonpath={.metadata.managedFields[*].manager}", ("replace -f -", ONE_MAP.replace('"1"', '"6"')),
        ("replace --force -f -", ONE_MAP.replace('"1"', '"7"')), ("! create -f -", ONE_MAP), ("! apply view-last-applied -f -", ONE_MAP),
        ("apply -f -", DEPLOYMENT), "patch deploy web --subresource=scale --type=merge -p '{\"spec\":{\"replicas\":3}}'",
        "patch deploy web --subresource=status --type=merge -p '{\"status\":{\"observedGeneration\":7}}'",
        "get deploy web --subresource=scale", "patch deploy web -p '{\"spec\":{\"template\":{\"spec\":{\"containers\":[{\"name\":\"d\",\"image\":\"i\"}]}}}}'",
        "! patch deploy web --type=json -p '[{\"op\":\"test\",\"path\":\"/spec/replicas\",\"value\":9}]'", ("apply --dry-run=server -f -", ONE_MAP.replace("one", "dry")),
        ("! apply -f -", DEPLOYMENT.replace("app: web}}\n  template", "app: db}}\n  template")),
        ("delete -f -", ONE_MAP), ("! delete -f -", ONE_MAP), "delete cm,deploy --all",
    ),
    "change": (
        ("create -f -", DEPLOYMENT), ("create -f -", NODE), "label deploy web tier=front", "! label deploy web tier=back", "label deploy web tier=back --overwrite",
        "label deploy web tier-", "! label deploy web bad/=x", "annotate deploy web note=this", "annotate deploy web note-", "taint node n1 k=v:NoSchedule", "! taint node n1 k=v:Never",
        "taint node n1 k:NoSchedule-", "cordon n1", "get node n1", "drain n1 --ignore-daemonsets", "uncordon n1", "scale deploy web --replicas=4", "! scale deploy web --replicas=4 --current-replicas=1",
        "set image deploy/web c=nginx:2", "set env deploy/web A=b", "set env deploy/web --list", "set resources deploy/web --limits=cpu=1,memory=64Mi", "set serviceaccount deploy/web runner",
        "rollout pause deploy/web", "rollout resume deploy/web", "! rollout resume deploy/web", "! rollout undo deploy/web",
        "rollout history deploy/web", "wait --for=jsonpath={.spec.replicas}=4 deploy/web --timeout=5s", "! wait --for=condition=Available deploy/web --timeout=0s",
        "delete --raw /api/v1/nodes/n1", "delete deploy web --cascade=background", "wait --for=delete deploy/web --timeout=5s",
    ),
    "cluster": (
        "api-resources --api-group=apps --namespaced -o wide", "! top pods", "! top nodes",
        "auth whoami", "auth can-i create pods", "! auth can-i get pods --as=eve", ("auth reconcile -f -", ROLES), "auth can-i get pods --as=eve",
        "! get pods --as=mallory", "get pods --as=eve", "auth can-i --list --as=eve --no-headers", ("create -f -", REQUEST), "get csr", "certificate approve eve", "get csr eve", "cluster-info", "get apiservices v1.apps", "get --raw /livez",
    ),
    "describe": (
        "create -f MANIFESTS", ("patch pod one --subresource=status --type=merge --patch-file=/dev/stdin", RUNNING),
        *(f"describe {one}" for one in (
            "pod one", "node n1", "svc web", "endpointslice web-1", "cm settings", "secret keys", "sa runner", "sts db", "ds agent", "rs set",
            "rc old", "job once", "cronjob nightly", "hpa web", "ingress front", "ingressclass nginx", "netpol inner", "pdb web",
            "quota small", "limits bounds", "pv disk", "pvc data", "sc slow", "pc urgent", "role reader", "rolebinding read",
            "clusterrole looker", "lease turn", "event one.1", "ns default",
        )),
        "! describe pod nope", "! describe pods -l app=nobody -n nowhere nope", "get pod one", "get pod one -o wide", "get node n1 -o wide", "get pv,pvc,sc",
        "events", "events --for pod/one", "events --types=Normal", "get events --field-selector=reason=FailedScheduling",
    ),
    "streams": (
        "run one --image=nginx", "! logs one", "! logs nope", "! exec one -- true", "! exec one -c nope -- true", "! attach one", "! cp one:/etc/hosts LOCAL",
        "! port-forward pod/one 8080:80", "! get --raw /api/v1/namespaces/default/pods/one/proxy/", "! logs deploy/nope", "! debug nope --image=busybox",
        "! rollout status deploy/nope", "! top pod one",
    ),
    "settings": (
        "config current-context", "config get-contexts", "config get-clusters", "config get-users", "config set-context --current --namespace=shop",
        "config view -o jsonpath={.contexts[0].context.namespace}", "config set-context --current --namespace=default", "! config use-context nope",
        "version", "api-versions", "api-resources --verbs=list --api-group=batch -o name", "cluster-info dump --namespaces=nobody",
        "explain pod.spec.containers.resources.limits", "explain deploy.spec.strategy --output=plaintext-openapiv2", "! explain pod.spec.nope", "! explain nope",
        "explain events --api-version=events.k8s.io/v1", "explain hpa.spec.metrics.type --api-version=autoscaling/v2",
        "kustomize OVERLAY", "apply -k OVERLAY", "get cm -l team=north", "delete -k OVERLAY",
    ),
    "change more": (
        ("apply -f -", DEPLOYMENT), "edit deploy web", "get deploy web -o jsonpath={.spec.replicas}", "apply edit-last-applied deploy/web", "apply view-last-applied deploy/web",
        ("apply set-last-applied -f -", DEPLOYMENT), "autoscale deploy web --max=3 --dry-run=client -o name", "rollout restart deploy/web", "rollout status deploy/web --watch=false", "create serviceaccount runner",
        "create token runner --duration=10m -o jsonpath={.kind}", "! create token nobody", "create secret tls cert --cert=CERT --key=KEY", "create service clusterip web --tcp=80",
        "set selector svc web tier=front", "create role reader --verb=get --resource=pods", "create rolebinding read --role=reader --user=eve",
        "set subject rolebinding read --user=mallory --serviceaccount=default:runner", "get rolebinding read -o jsonpath={.subjects[*].name}", ("create -f -", REQUEST), "certificate deny eve", "get csr eve",
        "delete pods --all", "delete deploy web --cascade=orphan --dry-run=server", "delete deploy web --now", "! delete deploy", "! scale deploy web --replicas=-1",
        "annotate x=y --local -o name -f MANIFESTS",
    ),
    "extended": (
        ("apply -f -", EXTENDED), "wait --for=condition=Established crd/ships.sea.example.com --timeout=9s", ("apply -f -", SHIP), ("! apply -f -", SHIP.replace("6", "0")),
        ("! create -f -", SHIP.replace("knarr", "boat").replace("crew", "krew")), "get fleet", "get sh knarr -o yaml", "scale sh knarr --replicas=9", "get ship/knarr", "explain ship.spec",
        "patch sh knarr --subresource=status --type=merge -p '{\"status\":{\"crew\":9}}'", "! patch sh knarr -p '{\"spec\":{\"crew\":7}}'", "label sh knarr sea=north",
        "get sh -l sea=north -o name", "describe sh knarr", "api-resources --api-group=sea.example.com", "get crd", "delete sh --all", "delete crd ships.sea.example.com", "! get sh",
    ),
}
