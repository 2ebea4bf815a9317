//! ECS task definitions, `CloudFormation`, CDK's output.

use forebay_references::{Scaled, Settings, find, splice};

use crate::listing::{listing, set};

#[test]
fn a_task_definition_gives_its_containers() {
    let text = "{\n  \"family\": \"web\",\n  \"runtimePlatform\": {\"cpuArchitecture\": \"ARM64\"},\n  \"containerDefinitions\": [\n    {\"name\": \"a\", \"image\": \"docker.io\\/x\\/a:1\", \"restartPolicy\": {\"enabled\": true}},\n    {\"name\": \"b\", \"image\": \"b\"}\n  ]\n}\n";
    let wrapped = format!("{{\"taskDefinition\": {text}}}");
    let expected = "\
docker.io/x/a:1 <docker.io\\/x\\/a:1> ECS task definition name=web container=a platform=linux/arm64 restart=true/None/None
b <b> ECS task definition name=web container=b platform=linux/arm64
";
    assert_eq!(listing("task.json", text, &Settings::default()), expected);
    assert_eq!(
        listing("described.json", &wrapped, &Settings::default()),
        expected
    );
}

const TEMPLATE: &str = "\
AWSTemplateFormatVersion: '2010-09-09'
Parameters:
  Image: {Type: String, Default: iseepatterns/court-case-backend:latest}
  Tag: {Type: String, Default: '1.27'}
  Secret: {Type: 'AWS::SSM::Parameter::Value<String>', Default: /x}
Mappings:
  Images: {prod: {web: 'web:2'}}
Resources:
  Task:
    Type: AWS::ECS::TaskDefinition
    Properties:
      Family: web
      ContainerDefinitions:
        - {Name: a, Image: !Ref Image}
        - Name: b
          Image: !Sub 'nginx:${Tag}'   # kept
        - Name: c
          Image: !Join [':', [redis, !Ref Tag]]
        - Name: d
          Image: !Sub '${AWS::AccountId}.dkr.ecr.${AWS::Region}.${AWS::URLSuffix}/d:1'
        - Name: e
          Image: !If [IsProd, 'e:1', !FindInMap [Images, prod, web]]
        - Name: f
          Image: !ImportValue x
        - Name: g
          Image: !Ref Secret
        - Name: h
          Image:
            Fn::Sub: ['${R}/h', {R: quay.io}]
  Service:
    Type: AWS::ECS::Service
    Properties: {TaskDefinition: !Ref Task, DesiredCount: 3}
  Build:
    Type: AWS::CodeBuild::Project
    Properties: {Environment: {Image: 'aws/codebuild/standard:7.0'}}
  Function:
    Type: AWS::Lambda::Function
    Properties: {Code: {ImageUri: x.dkr.ecr.us-east-1.amazonaws.com/f:1}}
";

#[test]
fn tasks_are_counted_between_the_bounds_of_what_scales_their_service() {
    let template = |id: &str, count: &str| {
        format!(
            "Resources:\n  T:\n    Type: AWS::ECS::TaskDefinition\n    Properties: {{ContainerDefinitions: [{{Image: 'a:1'}}]}}\n\
             \x20 S:\n    Type: AWS::ECS::Service\n    Properties: {{TaskDefinition: !Ref T, ServiceName: web{count}}}\n\
             \x20 C:\n    Type: AWS::ApplicationAutoScaling::ScalableTarget\n    Properties:\n      ServiceNamespace: ecs\n\
             \x20     MinCapacity: 2\n      MaxCapacity: '40'\n      ResourceId: {id}\n"
        )
    };
    let scaled = |least| {
        let most = Some(40);
        Some(Scaled { least, most })
    };
    for (id, count, expected) in [
        (
            "!Sub 'service/${Cluster}/${S.Name}'",
            ", DesiredCount: 4",
            scaled(2),
        ),
        (
            "!Join ['/', [service, !Ref Cluster, !GetAtt S.Name]]",
            ", DesiredCount: !Ref Unset",
            scaled(2),
        ),
        ("!Join ['/', [service, !Ref Cluster, web]]", "", scaled(1)),
        ("service/main/web", ", DesiredCount: 0", scaled(0)),
        (
            "{'Fn::Join': ['', ['service/', {Ref: Cluster}, '/', {'Fn::GetAtt': [S, Name]}]]}",
            "",
            scaled(1),
        ),
        (
            "!Sub 'service/${Cluster}/${Other.Name}'",
            ", DesiredCount: 4",
            None,
        ),
    ] {
        let found = find(
            "t.yaml",
            template(id, count).as_bytes(),
            &Settings::default(),
        );
        let owner = &found.places[0].owner;
        assert_eq!(owner.scaled, expected, "{id}");
        assert_eq!(
            found.notes.len(),
            usize::from(expected.is_none()),
            "{id}: {:?}",
            found.notes
        );
    }
}

#[test]
fn functions_are_evaluated_as_far_as_the_template_tells() {
    assert_eq!(
        listing("stack.yaml", TEMPLATE, &set(&[("AWS::AccountId", "730335557645"), ("AWS::Region", "us-east-1")])),
        "\
iseepatterns/court-case-backend:latest <iseepatterns/court-case-backend:latest> ECS task definition name=web container=a replicas=3
web:2 <web:2> ECS task definition name=web container=e replicas=3
nginx:1.27 <nginx:${Tag}> ECS task definition name=web container=b replicas=3
redis:1.27 <!Join [':', [redis, !Ref Tag]]> ECS task definition name=web container=c replicas=3
730335557645.dkr.ecr.us-east-1.amazonaws.com/d:1 <${AWS::AccountId}.dkr.ecr.${AWS::Region}.${AWS::URLSuffix}/d:1> ECS task definition name=web container=d replicas=3
e:1 <e:1> ECS task definition name=web container=e replicas=3
quay.io/h <Fn::Sub: ['${R}/h', {R: quay.io}]> ECS task definition name=web container=h replicas=3
x.dkr.ecr.us-east-1.amazonaws.com/f:1 <x.dkr.ecr.us-east-1.amazonaws.com/f:1> AWS::Lambda::Function name=Function
? <!ImportValue x> computed when it runs ECS task definition name=web container=f replicas=3
? <!Ref Secret> `Secret` is not set here ECS task definition name=web container=g replicas=3
"
    );
}

#[test]
fn a_service_runs_as_many_as_the_template_comes_to() {
    for (count, replicas, is_unknown) in [
        ("", Some(1), false),
        ("DesiredCount: 3", Some(3), false),
        ("DesiredCount: !Ref Six", Some(6), false),
        ("DesiredCount: {Ref: Six}", Some(6), false),
        ("DesiredCount: !Ref Open", None, true),
        ("DesiredCount: !If [Large, 9, 2]", None, true),
    ] {
        for task in [
            "!Ref T",
            "{Ref: T}",
            "!GetAtt T.TaskDefinitionArn",
            "{'Fn::GetAtt': [T, TaskDefinitionArn]}",
        ] {
            let text = format!(
                "Parameters: {{Six: {{Type: Number, Default: 6}}, Open: {{Type: Number}}}}\nResources:\n  T:\n    \
                 Type: AWS::ECS::TaskDefinition\n    Properties: {{ContainerDefinitions: [{{Name: a, Image: 'a:1'}}]}}\n  S:\n    \
                 Type: AWS::ECS::Service\n    Properties: {{TaskDefinition: {task}, {count}}}\n"
            );
            let found = find("t.yaml", text.as_bytes(), &Settings::default());
            let owner = &found.places[0].owner;
            assert_eq!(
                (owner.replicas, owner.is_count_unknown),
                (replicas, is_unknown),
                "{text}"
            );
        }
    }
}

#[test]
fn a_rewritten_template_keeps_what_it_can() {
    let found = find("stack.yaml", TEMPLATE.as_bytes(), &Settings::default());
    let changes: Vec<_> = found
        .places
        .iter()
        .filter_map(|place| {
            Some((
                place,
                match place.image.as_str() {
                    "iseepatterns/court-case-backend:latest" => {
                        "ghcr.io/i/court-case-backend:latest"
                    }
                    "nginx:1.27" => "mirror.gcr.io/library/nginx:1.27",
                    "redis:1.27" => "mirror.gcr.io/library/redis:1.27",
                    "quay.io/h" => "ghcr.io/h/h",
                    _ => return None,
                },
            ))
        })
        .collect();
    assert_eq!(changes.len(), 4);
    let expected = TEMPLATE
        .replace("Default: iseepatterns/court", "Default: ghcr.io/i/court")
        .replace("!Sub 'nginx:", "!Sub 'mirror.gcr.io/library/nginx:")
        .replace("[redis, !Ref", "[mirror.gcr.io/library/redis, !Ref")
        .replace("Fn::Sub: ['${R}/h', {R: quay.io}]", "\"ghcr.io/h/h\"");
    assert_eq!(splice(TEMPLATE, &changes).unwrap(), expected);
}

#[test]
fn a_synthesized_template_is_one_too() {
    let text = r#"{"Resources": {"T": {"Type": "AWS::ECS::TaskDefinition", "Properties": {"ContainerDefinitions": [
      {"Name": "a", "Image": "iseepatterns/court-case-backend:latest"},
      {"Name": "b", "Image": {"Fn::Join": ["", ["1.dkr.ecr.", {"Ref": "AWS::Region"}, ".", {"Ref": "AWS::URLSuffix"}, "/b:1"]]}},
      {"Name": "c", "Image": {"Fn::Sub": "1.dkr.ecr.${AWS::Region}.amazonaws.com/c:1"}}
    ]}}}}"#;
    assert_eq!(
        listing("cdk.out/S.template.json", text, &set(&[("AWS::Region", "eu-west-1")])),
        "\
iseepatterns/court-case-backend:latest <iseepatterns/court-case-backend:latest> ECS task definition name=T container=a
1.dkr.ecr.eu-west-1.amazonaws.com/b:1 <{\"Fn::Join\": [\"\", [\"1.dkr.ecr.\", {\"Ref\": \"AWS::Region\"}, \".\", {\"Ref\": \"AWS::URLSuffix\"}, \"/b:1\"]]}> ECS task definition name=T container=b
1.dkr.ecr.eu-west-1.amazonaws.com/c:1 <1.dkr.ecr.${AWS::Region}.amazonaws.com/c:1> ECS task definition name=T container=c
"
    );
}

#[test]
fn terraform_in_json_is_read_by_the_same_table() {
    let text = r#"{"resource": {
  "docker_image": {"a": {"name": "a/b:1"}, "c": {"name": "${var.image}"}},
  "kubernetes_deployment": {"web": [{"spec": [{"template": [{"spec": [{"container": [{"image": "web:2"}]}]}]}]}]},
  "aws_ecs_task_definition": {"t": {"container_definitions": "[{\"image\":\"x:1\"}]"}},
  "aws_instance": {"i": {"image": "ami:1"}}
}}"#;
    assert_eq!(
        listing("cdk.tf.json", text, &Settings::default()),
        "\
a/b:1 <a/b:1> Docker image name=a
web:2 <web:2> Deployment name=web
? <\"${var.image}\"> filled in from a template Docker image name=c
? <\"[{\\\"image\\\":\\\"x:1\\\"}]\"> computed when it runs ECS task definition name=t
"
    );
}
