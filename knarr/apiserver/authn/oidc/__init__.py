"""Know the tokens of outside issuers, as an AuthenticationConfiguration file lists them.

`configuration` reads and checks the file, `keys` fetches what verifies an issuer's signatures, `claims` makes a user of
what a token says, `distributed` finds the groups that it only points at, `issuers` is the door. An issuer that is down,
slow or lying harms nobody but its own users.
Source: kube apiserver.config.k8s.io/v1; authentication plugin/pkg/authenticator/token/oidc.
"""
