//! TypeScript before and after a rule.

use crate::rewritten::check;

#[test]
fn typescripts_literals_templates_and_defaults_are_rewritten() {
    check(
        "app.ts",
        &[
            (
                "ecs.ContainerImage.fromRegistry('a/b:1');",
                &[],
                "ecs.ContainerImage.fromRegistry('ecr.example/b:1');",
            ),
            (
                "const u = 'me', t = '1';\nC.fromRegistry(`${u}/b:${t}`);",
                &[],
                "const u = 'me', t = '1';\nC.fromRegistry(`ecr.example/b:${t}`);",
            ),
            (
                "const u = 'me';\nC.fromRegistry(`${u}/b:1`);",
                &[],
                "const u = 'me';\nC.fromRegistry('ecr.example/b:1');",
            ),
            (
                "const u = process.env.U ?? 'me';\nC.fromRegistry(`${u}/b:1`);",
                &[],
                "const u = process.env.U ?? 'me';\nC.fromRegistry('ecr.example/b:1');",
            ),
            (
                "const i: string = process.env.I || 'a/b:1';\nC.fromRegistry(i);",
                &[],
                "const i: string = process.env.I || 'ecr.example/b:1';\nC.fromRegistry(i);",
            ),
            (
                "const u = 'me';\nC.fromRegistry(u + '/b:' + tag);",
                &[("tag", "1")],
                "const u = 'me';\nC.fromRegistry('ecr.example' + '/b:' + tag);",
            ),
            (
                "class S { private readonly u = 'me'; f() { C.fromRegistry(`${this.u}/b`); } }",
                &[],
                "class S { private readonly u = 'me'; f() { C.fromRegistry('ecr.example/b'); } }",
            ),
            (
                "const c = { u: 'me' };\nC.fromRegistry(`${c.u}/b`);",
                &[],
                "const c = { u: 'me' };\nC.fromRegistry('ecr.example/b');",
            ),
            (
                "enum I { A = 'a/b:1' }\nC.fromRegistry(I.A);",
                &[],
                "enum I { A = 'ecr.example/b:1' }\nC.fromRegistry(I.A);",
            ),
            (
                "const f = (i: string) => C.fromRegistry(i);\nf('a/b:1');",
                &[],
                "const f = (i: string) => C.fromRegistry(i);\nf('ecr.example/b:1');",
            ),
            (
                "let u = 'x'; if (p) { u = 'y'; }\nC.fromRegistry(`${u}/b`);",
                &[],
                "let u = 'x'; if (p) { u = 'y'; }\nC.fromRegistry(`${u}/b`);\n? 2: `${u}/b` (`u` has more than one value here)",
            ),
            (
                "C.fromRegistry(this.node.tryGetContext('i'));",
                &[],
                "C.fromRegistry(this.node.tryGetContext('i'));\n? 1: this.node.tryGetContext('i') (`i` is not set here)",
            ),
        ],
    );
}

#[test]
fn typescript_finds_images_by_key_in_pulumi_and_in_tests() {
    check(
        "app.ts",
        &[
            (
                "import * as k8s from '@pulumi/kubernetes';\nconst c = { containers: [{ name: 'n', image: 'nginx:1' }] };",
                &[],
                "import * as k8s from '@pulumi/kubernetes';\nconst c = { containers: [{ name: 'n', image: 'ecr.example/nginx:1' }] };",
            ),
            (
                "const image = 'a/b:1';\nnew docker.Container('x', { image });",
                &[],
                "const image = 'ecr.example/b:1';\nnew docker.Container('x', { image });",
            ),
            (
                "new docker.RemoteImage('x', { name: 'nginx:1' });",
                &[],
                "new docker.RemoteImage('x', { name: 'ecr.example/nginx:1' });",
            ),
            (
                "const t = '1'; new awsx.ecs.X('x', { container: { image: pulumi.interpolate`me/b:${t}` } });",
                &[],
                "const t = '1'; new awsx.ecs.X('x', { container: { image: pulumi.interpolate`ecr.example/b:${t}` } });",
            ),
            (
                "await new GenericContainer(\"redis:7\").start();",
                &[],
                "await new GenericContainer(\"ecr.example/redis:7\").start();",
            ),
            (
                "console.log('docker image: a/b:1');",
                &[],
                "console.log('docker image: a/b:1');",
            ),
            (
                "const x = <img src='a/b' />;",
                &[],
                "const x = <img src='a/b' />;",
            ),
        ],
    );
}
