package main

import (
	"encoding/json"
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/descriptorpb"
)

// Options of gogoproto on fields, by their numbers.
const (
	optionNullable   protowire.Number = 65001
	optionCustomType protowire.Number = 65003
)

// form is how the JSON of a field differs from what the generator says of it.
type form struct {
	// null is true for a field that is null while it is not set: a message, or bytes.
	null bool
	// text is true for bytes that a custom type writes as text.
	text bool
}

// schemas are the forms of fields by message and field name, of fields that differ.
type schemas map[string]map[string]form

// readSchemas reads a file descriptor set.
func readSchemas(image []byte) (schemas, error) {
	var set descriptorpb.FileDescriptorSet
	if err := proto.Unmarshal(image, &set); err != nil {
		return nil, err
	}
	all := make(schemas)
	for _, file := range set.File {
		for _, message := range file.MessageType {
			all.add(file.GetPackage()+"."+message.GetName(), message)
		}
	}
	return all, nil
}

func (s schemas) add(name string, message *descriptorpb.DescriptorProto) {
	for _, field := range message.Field {
		f := formOf(field)
		if f == (form{}) {
			continue
		}
		if s[name] == nil {
			s[name] = make(map[string]form)
		}
		s[name][field.GetName()] = f
	}
	for _, nested := range message.NestedType {
		s.add(name+"."+nested.GetName(), nested)
	}
}

func formOf(field *descriptorpb.FieldDescriptorProto) form {
	if field.GetLabel() == descriptorpb.FieldDescriptorProto_LABEL_REPEATED {
		return form{} // an empty list or map
	}
	custom := hasOption(field, optionCustomType)
	switch field.GetType() {
	case descriptorpb.FieldDescriptorProto_TYPE_MESSAGE:
		value, set := option(field, optionNullable)
		return form{null: !set || value != 0}
	case descriptorpb.FieldDescriptorProto_TYPE_BYTES:
		return form{null: !custom, text: custom}
	default:
		return form{}
	}
}

// option is the value of a boolean option. The options of gogoproto are unknown to the descriptors of google.golang.org.
func option(field *descriptorpb.FieldDescriptorProto, number protowire.Number) (value uint64, set bool) {
	eachOption(field, func(num protowire.Number, typ protowire.Type, raw []byte) {
		if num == number && typ == protowire.VarintType {
			value, _ = protowire.ConsumeVarint(raw)
			set = true
		}
	})
	return value, set
}

func hasOption(field *descriptorpb.FieldDescriptorProto, number protowire.Number) (has bool) {
	eachOption(field, func(num protowire.Number, _ protowire.Type, _ []byte) { has = has || num == number })
	return has
}

func eachOption(field *descriptorpb.FieldDescriptorProto, visit func(protowire.Number, protowire.Type, []byte)) {
	if field.Options == nil {
		return
	}
	for raw := field.Options.ProtoReflect().GetUnknown(); len(raw) > 0; {
		num, typ, n := protowire.ConsumeTag(raw)
		if n < 0 {
			return
		}
		raw = raw[n:]
		visit(num, typ, raw)
		if n = protowire.ConsumeFieldValue(num, typ, raw); n < 0 {
			return
		}
		raw = raw[n:]
	}
}

// markNull corrects the properties of the definitions whose messages the schemas know.
func (s schemas) markNull(definitions object) error {
	for i, d := range definitions {
		forms := s[d.name]
		if len(forms) == 0 {
			continue
		}
		var definition, properties object
		if err := json.Unmarshal(d.value, &definition); err != nil {
			return fmt.Errorf("definition %s: %w", d.name, err)
		}
		if definition.get("properties") == nil {
			continue // the generator writes well-known messages in their own way
		}
		if err := definition.read("properties", &properties); err != nil {
			return fmt.Errorf("definition %s: %w", d.name, err)
		}
		for j, p := range properties {
			f, differs := forms[p.name]
			if !differs {
				continue
			}
			var err error
			if properties[j].value, err = f.apply(p.value); err != nil {
				return fmt.Errorf("definition %s: %s: %w", d.name, p.name, err)
			}
		}
		if err := definition.set("properties", properties); err != nil {
			return err
		}
		var err error
		if definitions[i].value, err = encode(definition); err != nil {
			return err
		}
	}
	return nil
}

// apply corrects a property. One that refers to a definition has no other members that count: the reference moves into
// allOf.
func (f form) apply(raw json.RawMessage) (json.RawMessage, error) {
	var property object
	if err := json.Unmarshal(raw, &property); err != nil {
		return nil, err
	}
	if f.text {
		property = property.without("format")
	}
	if f.null {
		if ref := property.get("$ref"); ref != nil {
			all, err := encode([]object{{*ref}})
			if err != nil {
				return nil, err
			}
			property = append(object{{"allOf", all}}, property.without("$ref")...)
		}
		property = append(property, member{"x-nullable", json.RawMessage("true")})
	}
	return encode(property)
}
